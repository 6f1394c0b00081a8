"""The look of the page: system fonts, white space, one accent colour, light and dark."""

import gradio as gr

from cnn_space.page import FOLDERS, PAGE

# Each tab keeps its own style sheets; those of `common` come first.
STYLE_SHEETS = [sheet for name in FOLDERS for sheet in sorted((PAGE / name).glob("*.css"))]

SANS = [
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Apple SD Gothic Neo",
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "Malgun Gothic",
    "sans-serif",
]
MONO = ["ui-monospace", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "monospace"]


def theme() -> gr.themes.Base:
    """A flat theme on Gradio's base: hairlines instead of boxes, teal for what can be pressed."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="gray",
        spacing_size="md",
        radius_size="md",
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#ffffff",
        body_background_fill_dark="#111417",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#111417",
        background_fill_secondary="#f7f8f8",
        background_fill_secondary_dark="#191d21",
        block_background_fill="#ffffff",
        block_background_fill_dark="#14181b",
        block_border_color="#e4e7e8",
        block_border_color_dark="#2a3036",
        border_color_primary="#e4e7e8",
        border_color_primary_dark="#2a3036",
        block_shadow="none",
        block_shadow_dark="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="#5b6670",
        block_label_text_color_dark="#9aa5ad",
        block_title_text_color="#3a434b",
        block_title_text_color_dark="#c4ccd2",
        block_title_text_weight="500",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="#f1f3f3",
        button_secondary_background_fill_hover="#e7eaea",
        button_secondary_background_fill_dark="#22282d",
        button_secondary_background_fill_hover_dark="#2a3137",
        input_background_fill="#ffffff",
        input_background_fill_dark="#14181b",
        input_shadow="none",
        input_shadow_focus="none",
    )
