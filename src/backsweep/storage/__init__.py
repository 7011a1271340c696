"""Files that are either whole or not there: on a local disk and in object stores."""
