"""Words of the Classify tab."""

from cnn_space.photo import REASONS

EN: dict[str, str] = {
    "classify_photo": "Photo",
    "classify_examples": "Or try one of these",
    "classify_net": "Net",
    "classify_parameters": "{count} parameters",
    "classify_entry_own": "{name} · yours",
    "classify_remote": "needs the network",
    "classify_ten": "Average over crops and flips",
    "classify_ten_info": "Ten views: four corners, the centre, and their mirror images "
    "(AlexNet, 2012).",
    "classify_waiting": "Choose a photo, and its answer appears here.",
    "classify_no_nets": "There is no trained net here yet. Train one: "
    "python -m cnn_space train lenet5 --data cifar10",
    "classify_coming": "{title} is on its way to this machine; its answer follows.",
    "classify_not_here": "{title} is not on this machine and could not be fetched. Choose another "
    "net for now.",
    "classify_expired": "{title} is not kept any more. Choose another net, or train it again in "
    "Fine-tune.",
    "classify_ranked": "Most likely classes",
    "classify_ten_average": "Average of ten views",
    "classify_one_view": "One view",
    "classify_tick": "one view",
    "classify_unsure": "Far from certain. This net knows {count} ({names}); it will name one of "
    "them for any picture.",
    "classify_knows": "This net knows {count} ({names}); it will name one of them for any picture.",
    "classify_count": "{count} classes",
    "classify_and_more": "{names} and {count} more",
    "classify_seen": "What the net sees",
    "classify_seen_note": "{side} × {side} pixels, enlarged without smoothing",
    "classify_seen_alt": "The photo as the net receives it, {side} by {side} pixels",
    "classify_views": "Ten views",
    "classify_views_note": "{label}: {agree} of 10",
    "classify_mirrored": "{position}, mirrored",
    "classify_view_top left": "top left",
    "classify_view_top right": "top right",
    "classify_view_bottom left": "bottom left",
    "classify_view_bottom right": "bottom right",
    "classify_view_center": "centre",
    "classify_foot": "{milliseconds} ms for one view · {engine} on the CPU · {threads}",
    "classify_thread": "1 thread",
    "classify_threads": "{count} threads",
    "classify_no_photo": "Choose a photo first.",
} | {f"classify_photo_{reason}": sentence for reason, sentence in REASONS.items()}

KO: dict[str, str] = {
    "classify_photo": "사진",
    "classify_examples": "예시 사진으로 해 보기",
    "classify_net": "신경망",
    "classify_parameters": "파라미터 {count}",
    "classify_entry_own": "{name} · 내가 학습시킨 신경망",
    "classify_remote": "네트워크 필요",
    "classify_ten": "여러 크롭과 좌우 반전으로 평균 내기",
    "classify_ten_info": "열 가지 뷰: 네 모서리와 가운데, 그리고 각각의 좌우 반전 (AlexNet, 2012).",
    "classify_waiting": "사진을 고르면 여기에 답이 나타납니다.",
    "classify_no_nets": "아직 학습된 신경망이 없습니다. 먼저 학습시켜 주세요: "
    "python -m cnn_space train lenet5 --data cifar10",
    "classify_coming": "{title}: 이 컴퓨터로 받아 오고 있습니다. 받는 대로 답이 나옵니다.",
    "classify_not_here": "{title}: 이 컴퓨터에 없고, 받아 올 수도 없었습니다. 우선 다른 신경망을 "
    "골라 주세요.",
    "classify_expired": "{title}: 더 이상 보관되어 있지 않습니다. 다른 신경망을 고르거나 미세 조정 "
    "탭에서 다시 학습시켜 주세요.",
    "classify_ranked": "가능성이 높은 클래스",
    "classify_ten_average": "열 가지 뷰의 평균",
    "classify_one_view": "뷰 하나",
    "classify_tick": "뷰 하나",
    "classify_unsure": "확신이 낮은 답입니다. 이 신경망은 {count}({names})만 알고 있어서, 어떤 "
    "사진이든 그중 하나로 답합니다.",
    "classify_knows": "이 신경망은 {count}({names})만 알고 있어서, 어떤 사진이든 그중 하나로 "
    "답합니다.",
    "classify_count": "{count}개 클래스",
    "classify_and_more": "{names} 외 {count}개",
    "classify_seen": "신경망이 보는 이미지",
    "classify_seen_note": "{side} × {side}픽셀, 보간 없이 확대",
    "classify_seen_alt": "신경망에 입력되는 {side}×{side}픽셀 사진",
    "classify_views": "열 가지 뷰",
    "classify_views_note": "10개 중 {agree}개가 {label}",
    "classify_mirrored": "{position}, 좌우 반전",
    "classify_view_top left": "왼쪽 위",
    "classify_view_top right": "오른쪽 위",
    "classify_view_bottom left": "왼쪽 아래",
    "classify_view_bottom right": "오른쪽 아래",
    "classify_view_center": "가운데",
    "classify_foot": "뷰 하나에 {milliseconds} ms · {engine}, CPU · {threads}",
    "classify_thread": "스레드 1개",
    "classify_threads": "스레드 {count}개",
    "classify_no_photo": "먼저 사진을 골라 주세요.",
    "classify_photo_unreadable": (
        "읽을 수 없는 이미지입니다. JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF 파일을 사용해 주세요."
    ),
    "classify_photo_damaged": "파일이 손상되었거나 중간에 잘렸습니다. 다시 저장하거나 복사해 "
    "주세요.",
    "classify_photo_empty": "빈 파일입니다.",
    "classify_photo_gone": "이미지를 더 이상 찾을 수 없습니다. 다시 골라 주세요.",
    "classify_photo_too_small": (
        "{width} × {height}픽셀 이미지입니다. 가로와 세로 모두 {least}픽셀 이상이어야 합니다."
    ),
    "classify_photo_too_large": "{most}메가픽셀이 넘는 이미지입니다. 크기를 줄여 주세요.",
    "classify_photo_too_many_bytes": "{most} MB가 넘는 파일입니다. 크기를 줄여 주세요.",
}
