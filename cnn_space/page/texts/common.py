"""Words of the whole page, and the Korean names of the classes."""

EN: dict[str, str] = {
    "tab_classify": "Classify",
    "tab_compare": "Compare",
    "tab_inception": "Inception",
    "tab_finetune": "Fine-tune",
    "tagline": (
        "The classic convolutional nets, trained and ready. Classify a photo, put nets side by "
        "side, take an Inception module apart, teach one your own classes."
    ),
    "net_trouble": "{why}",
}

KO: dict[str, str] = {
    "tab_classify": "분류",
    "tab_compare": "비교",
    "tab_inception": "인셉션",
    "tab_finetune": "미세 조정",
    "tagline": (
        "학습을 마친 고전 합성곱 신경망을 만나 보세요. 사진을 분류하고, 여러 신경망을 나란히 "
        "비교하고, 인셉션 모듈을 뜯어보고, 신경망에 나만의 클래스를 가르칠 수 있습니다."
    ),
    "net_trouble": "{title}: 신경망을 불러오지 못했습니다. 이유(영어): {why}",
    "label_airplane": "비행기",
    "label_automobile": "자동차",
    "label_bird": "새",
    "label_cat": "고양이",
    "label_deer": "사슴",
    "label_dog": "개",
    "label_frog": "개구리",
    "label_horse": "말",
    "label_ship": "배",
    "label_truck": "트럭",
    "label_tench": "텐치",
    "label_English springer": "잉글리시 스프링어 스패니얼",
    "label_cassette player": "카세트 플레이어",
    "label_chain saw": "전기톱",
    "label_church": "교회",
    "label_French horn": "프렌치 호른",
    "label_garbage truck": "쓰레기차",
    "label_gas pump": "주유기",
    "label_golf ball": "골프공",
    "label_parachute": "낙하산",
    "label_Handwritten digits": "손글씨 숫자",
}
