"""What happens to an account at a bar without an order of the strategy: actions, liquidation, ends of segments."""
