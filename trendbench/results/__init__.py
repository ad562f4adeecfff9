"""Results: the record of a run, where records lie, and what stands behind them."""
