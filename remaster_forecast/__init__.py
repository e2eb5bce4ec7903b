"""How long a dataset will take on a cluster, and what will hold it up: costs, workload, simulation."""
