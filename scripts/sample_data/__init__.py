"""Parts of ``build_sample_data``: facts, drawing, network, register, works and files."""
