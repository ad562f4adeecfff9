"""Work spread over the workers of a Dask cluster, or done here."""
