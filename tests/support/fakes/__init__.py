"""Stand-ins on this machine: object stores, a gateway, Ray without processes, a small cluster."""
