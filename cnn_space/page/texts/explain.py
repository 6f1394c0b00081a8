"""Words of the heatmaps and of GoogLeNet's inside, both in the Classify tab."""

EN: dict[str, str] = {
    "explain_looked": "Where it looked",
    "explain_for": "What speaks for {label}. Click another class above.",
    "explain_nothing": "Grad-CAM finds nothing in this photo that speaks for {label}.",
    "explain_layer": "Grad-CAM at {layer}, {height} × {width}",
    "explain_alt": "The photo, warm where this net finds {label}",
    "explain_inside": "Inside GoogLeNet",
    "explain_module": "Inception module",
    "explain_inside_intro": "What each branch of a module responds to on this photo.",
    "explain_pool": "pool",
    "explain_for_5x5": "{kernel}, in place of the 5×5",
    "explain_width": "{count} channels",
    "explain_share": "of the module's energy",
    "explain_mean": "Mean response of the {branch} branch over the photo",
    "explain_strongest": "Strongest channels, each with its share",
    "explain_channel": "Response of channel {number}",
    "explain_inside_note": "Energy is the sum of squared activations. Maps are {height} × {width}, "
    "each coloured from its own lowest to its highest value.",
}

KO: dict[str, str] = {
    "explain_looked": "어디를 보았나",
    "explain_for": "‘{label}’의 근거가 된 곳. 위에서 다른 클래스를 눌러 보세요.",
    "explain_nothing": "Grad-CAM으로는 이 사진에서 ‘{label}’의 근거를 찾지 못했습니다.",
    "explain_layer": "Grad-CAM: {layer}, {height} × {width}",
    "explain_alt": "신경망이 {label}의 근거를 찾은 곳이 밝게 표시된 사진",
    "explain_inside": "GoogLeNet 들여다보기",
    "explain_module": "인셉션 모듈",
    "explain_inside_intro": "이 사진에서 모듈의 각 갈래가 어디에 반응하는지 보여 줍니다.",
    "explain_pool": "풀링",
    "explain_for_5x5": "{kernel} (5×5 자리)",
    "explain_width": "채널 {count}개",
    "explain_share": "· 모듈 전체 에너지에서 차지하는 비율",
    "explain_mean": "사진 위에 그린 {branch} 갈래의 평균 반응",
    "explain_strongest": "반응이 가장 강한 채널과 각각의 비율",
    "explain_channel": "채널 {number}의 반응",
    "explain_inside_note": "에너지는 활성값 제곱의 합입니다. 맵의 크기는 {height} × {width}이고, "
    "색은 맵마다 최솟값에서 최댓값까지 칠했습니다.",
}
