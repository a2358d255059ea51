"""SelAgg: which words of a prompt reached the picture, and where. Registers the nodes with ComfyUI."""

# Test runners import this file on its own, without its package: then there is nothing to register.
if __package__:
    from .packages import make_importable

    make_importable()
    from selagg_nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

    WEB_DIRECTORY = "./web"

    __all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]
