"""Words of the Compare tab."""

EN: dict[str, str] = {
    "compare_photo": "Photo",
    "compare_nets": "Nets, two to eight",
    "compare_no_photo": "Choose a photo, and the nets will look at it.",
    "compare_few": "Choose at least {least} nets.",
    "compare_numbers": "no one two three four five six seven eight",
    "compare_waiting": "{done} of {all} answered …",
    "compare_says": "{net} says {answer}",
    "compare_one": "{says}.",
    "compare_both": "Both say {answer}.",
    "compare_all": "All {all} say {answer}.",
    "compare_most": "{agree} of {all} say {answer}; {odd}.",
    "compare_split": "They do not agree: {says}.",
    "compare_work": "{light} does it with {times} times less work than {heavy}.",
    "compare_odd": "odd one out",
    "compare_differs": "differs",
    "compare_layer": "Grad-CAM at {layer}, {height} × {width}",
    "compare_heat_alt": "Where this net found {answer}",
    "compare_table": "Every number",
    "compare_head_net": "Net",
    "compare_head_data": "Data",
    "compare_head_answer": "Answer",
    "compare_head_sure": "%",
    "compare_head_second": "Runner-up",
    "compare_head_second_sure": "%, second",
    "compare_head_agrees": "Agrees",
    "compare_head_time": "Time, ms",
    "compare_head_parameters": "Params, M",
    "compare_head_macs": "MACs, M",
    "compare_head_file": "File, MB",
    "compare_head_accuracy": "Accuracy, %",
    "compare_yes": "yes",
    "compare_no": "no",
    "compare_open": "–",
    "compare_table_note": (
        "Sort with the ⋮ of a heading. Agrees: with the most frequent answer of the nets that "
        "know the same classes. Time: median of warm runs on this photo, the nets taking "
        "turns. MACs: multiply-accumulates for one image at the net's input size. Accuracy: "
        "top-1 on the test or validation images of the data named (CIFAR-10: a copy saved as JPEG "
        "of quality 75); for nets from the Hub as timm or torchvision give it, for your own on the "
        "images held out."
    ),
    "compare_work_title": "Accuracy against work",
    "compare_work_x": "MACs for one image",
    "compare_work_note": (
        "Accuracy in percent; the larger a dot, the more parameters. Faint: the other nets here."
    ),
    "compare_work_alt": "Accuracy against MACs of every net for {data}",
    "compare_dot": "{net}: {accuracy} %, {macs} MACs, {parameters} parameters",
    "compare_learned": "How they learned",
    "compare_loss": "Loss on training batches",
    "compare_val_accuracy": "Accuracy on held-out images, %",
    "compare_train_accuracy": "Accuracy on training batches (augmented), %",
    "compare_no_history": "No training record here: {nets}.",
    "compare_taught": "Learned other nets' answers beside the labels: {nets}.",
    "compare_classes_title": "Accuracy per class",
}

KO: dict[str, str] = {
    "compare_photo": "사진",
    "compare_nets": "신경망 (2~8개)",
    "compare_no_photo": "사진을 고르면 신경망들이 함께 살펴봅니다.",
    "compare_few": "신경망을 {least}개 이상 골라 주세요.",
    "compare_numbers": "0 1 2 3 4 5 6 7 8",
    "compare_waiting": "{all}개 중 {done}개가 답했습니다 …",
    "compare_says": "{net}의 답은 {answer}",
    "compare_one": "{says}입니다.",
    "compare_both": "두 신경망의 답이 같습니다: {answer}.",
    "compare_all": "{all}개 모두 같은 답입니다: {answer}.",
    "compare_most": "{all}개 중 {agree}개의 답은 {answer}, {odd}입니다.",
    "compare_split": "의견이 갈립니다. {says}입니다.",
    "compare_work": "같은 답을 내는 데 드는 연산량은 {heavy} 쪽이 {light}의 {times}배입니다.",
    "compare_odd": "혼자 다른 답",
    "compare_differs": "다른 답",
    "compare_layer": "Grad-CAM: {layer}, {height} × {width}",
    "compare_heat_alt": "이 신경망이 {answer}의 근거를 찾은 곳",
    "compare_table": "모든 수치",
    "compare_head_net": "신경망",
    "compare_head_data": "데이터",
    "compare_head_answer": "답",
    "compare_head_sure": "%",
    "compare_head_second": "차순위",
    "compare_head_second_sure": "%, 차순위",
    "compare_head_agrees": "일치",
    "compare_head_time": "시간, ms",
    "compare_head_parameters": "파라미터, M",
    "compare_head_macs": "MAC, M",
    "compare_head_file": "파일, MB",
    "compare_head_accuracy": "정확도, %",
    "compare_yes": "예",
    "compare_no": "아니요",
    "compare_open": "–",
    "compare_table_note": (
        "머리글의 ⋮ 메뉴로 정렬할 수 있습니다. 일치: 같은 클래스를 아는 신경망들 가운데 가장 "
        "많이 나온 답과 같은지 나타냅니다. 시간: 이 사진으로 신경망들을 번갈아 실행해 잰 값의 "
        "중앙값입니다(첫 실행 제외). MAC: 각 신경망의 입력 크기에서 이미지 한 장을 처리하는 "
        "곱셈-누산 횟수. 정확도: 표시된 데이터의 테스트 또는 검증 이미지로 잰 top-1"
        "(CIFAR-10은 품질 75의 JPEG로 저장된 사본). Hub의 신경망은 timm이나 torchvision이 밝힌 "
        "값이고, 직접 학습시킨 신경망은 검증용 이미지로 잰 값입니다."
    ),
    "compare_work_title": "정확도와 연산량",
    "compare_work_x": "이미지 한 장당 MAC",
    "compare_work_note": (
        "세로축은 정확도(%)이고, 점이 클수록 파라미터가 많습니다. 흐린 점은 "
        "선택하지 않은 신경망입니다."
    ),
    "compare_work_alt": "{data} 신경망들의 정확도와 MAC",
    "compare_dot": "{net}: {accuracy} %, {macs} MAC, 파라미터 {parameters}",
    "compare_learned": "학습 과정",
    "compare_loss": "학습 배치의 손실",
    "compare_val_accuracy": "검증용 이미지의 정확도, %",
    "compare_train_accuracy": "학습 배치(증강 포함)의 정확도, %",
    "compare_no_history": "여기에 학습 기록이 없습니다: {nets}.",
    "compare_taught": "정답과 함께 다른 신경망의 답도 학습했습니다: {nets}.",
    "compare_classes_title": "클래스별 정확도",
}
