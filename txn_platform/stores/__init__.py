"""Lake, warehouse and operational database: three ports and the adapters behind them."""
