"""Everything that touches Ray: the graph, its stages, pools, resume and progress."""
