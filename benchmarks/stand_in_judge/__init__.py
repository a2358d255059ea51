"""A custom node for demonstrations: the reader of the demo world as a judge, where no SAM3 is at hand.

A server that `python -m benchmarks.prove --demo` starts loads it beside the pack; it is no part of the pack.
"""

from __future__ import annotations

import torch


class StandInJudge:
    """Masks, boxes and answers about pictures of the demo world, as judges of real pictures give them."""

    CATEGORY = "SelAgg/demo"
    FUNCTION = "judge"
    RETURN_TYPES = ("STRING", "MASK", "BOUNDING_BOX", "STRING")
    RETURN_NAMES = ("words", "masks", "boxes", "answers")

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",), "text": ("STRING", {"forceInput": True})}}

    def judge(self, image, text):
        from selagg_demo.judging import judge_picture

        pictures = (image[..., :3].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        found = [judge_picture(picture, text) for picture in pictures]
        masks = torch.from_numpy(found[0].stacked([own.masks for own in found]))
        answers = [
            f"picture {number}: {line}" for number, own in enumerate(found, start=1) for line in own.answers
        ]
        return ", ".join(found[0].words), masks, [own.boxes for own in found], "\n".join(answers)


NODE_CLASS_MAPPINGS = {"SelAggStandInJudge": StandInJudge}
NODE_DISPLAY_NAME_MAPPINGS = {"SelAggStandInJudge": "SelAgg Stand-in Judge"}
