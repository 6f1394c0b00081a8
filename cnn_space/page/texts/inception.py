"""Words of the Inception tab: the calculator, the claims, and the whole nets."""

EN: dict[str, str] = {
    # the form
    "inception_preset": "Module of the paper's Table 1",
    "inception_chain": "chain",
    "inception_height": "height",
    "inception_width": "width",
    "inception_in_channels": "channels in",
    "inception_ch1x1": "1×1",
    "inception_ch3x3red": "3×3 reduce",
    "inception_ch3x3": "3×3",
    "inception_ch5x5red": "5×5 reduce",
    "inception_ch5x5": "5×5",
    "inception_pool_proj": "pool proj",
    "inception_kernel5x5": "5×5 branch",
    "inception_kernel_5": "5×5 (paper)",
    "inception_kernel_3": "3×3 (torchvision)",
    "inception_kernel_33": "two 3×3 (Inception v2)",
    "inception_reduction": "1×1 reductions (off: naive)",
    "inception_batch_norm": "Batch norm",
    "inception_bias": "Biases",
    "inception_copy_link": "Copy a link to this module",
    "inception_map": "Input map",
    "inception_widths": "Widths, in channels",
    "inception_whole": "Must be a whole number.",
    "inception_range": "Must be between 1 and {limit}.",
    # the drawing and the big figures
    "inception_input": "input",
    "inception_output": "output",
    "inception_conv": "conv",
    "inception_reduce": "reduce",
    "inception_project": "project",
    "inception_max_pool": "max pool",
    "inception_box_parameters": "{count} parameters",
    "inception_drawing": "The Inception module, {parameters} parameters, {macs} MACs",
    "inception_caption": (
        "In each box: the layer, the shape it gives (channels × height × width), the "
        "parameters it stores and the MACs it does. On the lines: channels. The heavier the "
        "line and the stronger the tint of the box, the larger its share of the module's MACs."
    ),
    "inception_parameters": "parameters",
    "inception_parameters_of": "{weights} weights, {biases} biases, {norm} of batch norm",
    "inception_weights_only": "weights alone, as the paper's table counts",
    "inception_macs": "MACs",
    "inception_macs_exact": "{macs} multiply-accumulates for one image; FLOPs are twice that",
    "inception_less": "less work than the naive module",
    "inception_more": "more work than the naive module",
    "inception_less_note": "naive: {macs} MACs, {parameters} parameters, {channels} channels out",
    "inception_naive_less": "the work of the module with reductions",
    "inception_naive_note": "with them: {macs} MACs, {parameters} parameters, {channels} channels "
    "out",
    # the chain
    "inception_chain_title": "The chain: each module feeds the next",
    "inception_chain_sum": (
        "Together {parameters} parameters and {macs} MACs; naive all the way {naive_parameters} "
        "and {naive_macs}: {factor} × the MACs."
    ),
    "inception_chain_note": (
        "The first module is the one above, with its switches; those behind it have the "
        "paper's widths. Before 4a and 5a a 3×3 pool of stride 2 halves the sides of the map."
    ),
    "inception_chain_ends": (
        "A side of one pixel cannot be halved, and no module takes more than {limit} channels: the "
        "chain ends there."
    ),
    "inception_module": "module",
    "inception_channels": "channels",
    "inception_naive_channels": "channels, naive",
    "inception_naive_macs": "MACs, naive",
    # the layer table
    "inception_table_title": "Layer by layer",
    "inception_unfold": "Unfold the arithmetic of every number",
    "inception_csv": "Download CSV",
    "inception_layer": "layer",
    "inception_branch": "branch {number}",
    "inception_kernel": "kernel",
    "inception_in": "in",
    "inception_out": "out",
    "inception_weights": "weights",
    "inception_biases": "biases",
    "inception_norm": "batch norm",
    "inception_multiplications": "multiplications",
    "inception_flops": "FLOPs",
    "inception_memory": "activation memory",
    "inception_total": "total",
    "inception_naive_row": "naive",
    "inception_reduced_row": "with reductions",
    "inception_factor_row": "naive ÷ reduced",
    "inception_table_note": (
        "Click a number to see its arithmetic. Shapes are channels × height × width. "
        "Parameters are stored; multiplications are done: those inside the MACs and, with batch "
        "norm, one for each value scaled (none once it is folded into the convolution). "
        "A MAC is a multiplication with its addition, counted for convolutions; FLOPs = 2 × MACs. "
        "Activation memory is the layer's output for one image in float32."
    ),
    # the paper's table
    "inception_paper_title": "The paper's Table 1 beside ours",
    "inception_paper_params": "params, printed",
    "inception_our_params": "weights, computed",
    "inception_paper_ops": "ops, printed",
    "inception_our_ops": "MACs, computed",
    "inception_difference": "printed differs by",
    "inception_remark": "remark",
    "inception_paper_rounded": "within 2 %",
    "inception_paper_params_only": (
        "{printed} K at {size} would be {implied} MACs; the printed {ops} M is what the widths "
        "give, so the parameter figure alone is off"
    ),
    "inception_paper_both": (
        "the two printed figures agree with each other ({printed} K · {size} = {implied}): they "
        "count a larger module than the printed widths make"
    ),
    "inception_paper_stem": "7·7·3·64 = 9,408 weights; the printed ops follow the printed 2.7 K",
    "inception_paper_note": (
        "Computed from the widths of the same table (Szegedy et al., “Going Deeper with "
        "Convolutions”, 2014), weights without biases. The paper's K is 1,024 (its linear layer of "
        "1,024 · 1,000 weights is printed as 1000K), so K is 1,024 here too; M is a million. "
        "Differences above 2 % are marked."
    ),
    "inception_stem": "7×7 stem",
    "inception_code_title": "PyTorch code of this module",
    # claims
    "inception_claims_title": "Claims that circulate, and the arithmetic",
    "inception_claims_wrong": "What is said",
    "inception_claims_true": "What is true",
    "inception_here": "In the module above",
    "inception_claim_mult": (
        "A 5×5 convolution with 480 channels in and 48 out at 14×14 has 112.9M parameters, and "
        "5.3M with a 1×1 of 16 before it."
    ),
    "inception_true_mult": (
        "Those are multiplications, done once for an image:\n{direct}\n{reduced}\n"
        "that is {factor} times less. The parameters stored are\n{weights}\n{reduced_weights}"
    ),
    "inception_here_mult": (
        "the large-kernel branch does {multiplications} multiplications for an image and stores "
        "{weights} weights."
    ),
    "inception_claim_gap": "Global average pooling replaces 51.3M weights by 0.",
    "inception_true_gap": (
        "{invented} would be a layer for an invented 1,024 classes. Pooling does remove the 7·7, "
        "but GoogLeNet still has its last layer:\n{real} parameters"
    ),
    "inception_claim_vgg": "VGG's fully connected layers are 85 % of the computation.",
    "inception_true_vgg": (
        "They are {parameter_share} of the parameters of VGG-16 and {mac_share} of its MACs:\n"
        "{parameters} of {all_parameters} parameters\n{macs} of {all_macs} MACs"
    ),
    "inception_claim_naive": "The channels of naive Inception modules grow exponentially.",
    "inception_true_naive": (
        "They add up. A naive module hands on its input and adds its 1×1, 3×3 and 5×5 widths:\n"
        "{chain}\n{steps}"
    ),
    "inception_here_naive": (
        "as a naive module it turns {source} channels into {result}: {added} are added."
    ),
    "inception_claim_two": (
        "Two 3×3 instead of one 5×5: 18 parameters against 25. Three 3×3 instead of one 7×7: 27 "
        "against 49."
    ),
    "inception_true_two": (
        "For each pair of channels. With C channels in and out it is 18·C² against 25·C² and "
        "27·C² against 49·C²; C = {channels}:\n{two}\n{five}\n{three}\n{seven}"
    ),
    "inception_here_two": (
        "the large-kernel branch holds {five} weights with a 5×5, {three} with a 3×3, {two} "
        "with two 3×3."
    ),
    "inception_claim_split": "An n×n kernel is a 1×n or an n×1.",
    "inception_true_split": (
        "A 1×n followed by an n×1: 2·n against n² for each pair of channels. n = 7, C = "
        "{channels}:\n{pair}\n{square}"
    ),
    "inception_claim_million": (
        "GoogLeNet has a million parameters, 1 % of VGG's fully connected layers."
    ),
    "inception_true_million": (
        "That is its one fully connected layer, {fc}: {share} of VGG-16's {vgg} fully connected "
        "parameters. The whole net has {net}."
    ),
    "inception_claim_alexnet": "AlexNet: 2M convolutional parameters, 65M fully connected.",
    "inception_true_alexnet": "{conv} convolutional and {fc} fully connected, {all} in all.",
    "inception_claim_sizes": (
        "AlexNet's layers have 290,400 – 186,624 – 64,896 – 43,264 – 4,096 – 4,096 – 1,000 neurons."
    ),
    "inception_true_sizes": ("Eight layers learn; the fourth, {missing}, is missing:\n{sizes}"),
    "inception_claim_resnet": "A ResNet shortcut costs no parameters.",
    "inception_true_resnet": (
        "Identity shortcuts cost none. ResNet-18 has {identities} of those and {projections} "
        "projections (1×1 convolutions), which store with their batch norm\n"
        "{working}"
    ),
    "inception_claim_softmax": "The net ends in a softmax, then comes the cross-entropy.",
    "inception_true_softmax": (
        "PyTorch's nn.CrossEntropyLoss takes logits and applies log-softmax itself. With a "
        "softmax before it the loss of a perfectly sure, right answer among 10 classes does "
        "not go to 0:\n"
        "−ln(e¹ / (e¹ + 9·e⁰)) = {floor}\n"
        "For logits (2, 1, 0), the first class being right: {once} with one softmax, {twice} "
        "with two."
    ),
    # whole nets
    "inception_net_title": "A whole net, layer by layer",
    "inception_net": "Net",
    "inception_net_size": "Image side, pixels",
    "inception_net_classes": "Classes",
    "inception_net_search": "Find layers",
    "inception_net_search_hint": "conv, pool, 5b …",
    "inception_net_totals": (
        "{parameters} parameters · {macs} MACs · {layers} convolutional and linear layers"
    ),
    "inception_net_aux": (
        "The auxiliary heads, used in training alone, store {parameters} parameters more."
    ),
    "inception_net_bars": "Where the parameters are, and where the work is",
    "inception_net_stages": "Stage by stage, in numbers",
    "inception_net_stage": "stage",
    "inception_net_kind": "kind",
    "inception_net_field": "receptive field",
    "inception_net_stride": "stride",
    "inception_net_found": "{found} of {all} layers",
    "inception_net_note": (
        "For one image, in evaluation. Receptive field and stride in pixels of the image, as the "
        "layers make them; beyond the image they see its padding."
    ),
    "inception_net_small": (
        "An image of {size} × {size} is too small for this net: {shape} reaches {layer} ({what})."
    ),
    "inception_net_values": (
        "An image of {size} × {size} does not fit this net: {shape} reaches {layer} ({what}), "
        "which was built for another size."
    ),
}

KO: dict[str, str] = {
    "inception_preset": "논문 표 1의 모듈",
    "inception_chain": "이어 붙이기",
    "inception_height": "높이",
    "inception_width": "너비",
    "inception_in_channels": "입력 채널",
    "inception_ch1x1": "1×1",
    "inception_ch3x3red": "3×3 축소",
    "inception_ch3x3": "3×3",
    "inception_ch5x5red": "5×5 축소",
    "inception_ch5x5": "5×5",
    "inception_pool_proj": "풀링 투영",
    "inception_kernel5x5": "5×5 갈래",
    "inception_kernel_5": "5×5 (논문)",
    "inception_kernel_3": "3×3 (torchvision)",
    "inception_kernel_33": "3×3 두 번 (Inception v2)",
    "inception_reduction": "1×1 차원 축소 (끄면 단순 모듈)",
    "inception_batch_norm": "배치 정규화",
    "inception_bias": "편향",
    "inception_copy_link": "이 모듈의 링크 복사",
    "inception_map": "입력 특징 맵",
    "inception_widths": "갈래별 채널 수",
    "inception_whole": "정수를 입력하세요.",
    "inception_range": "1 이상 {limit} 이하여야 합니다.",
    "inception_input": "입력",
    "inception_output": "출력",
    "inception_conv": "합성곱",
    "inception_reduce": "축소",
    "inception_project": "투영",
    "inception_max_pool": "최대 풀링",
    "inception_box_parameters": "파라미터 {count}개",
    "inception_drawing": "인셉션 모듈, 파라미터 {parameters}개, MAC {macs}",
    "inception_caption": (
        "상자마다 층의 종류, 출력 크기(채널 × 높이 × 너비), 저장하는 파라미터, 필요한 MAC을 "
        "적었습니다. 선 위의 숫자는 채널 수입니다. 선이 굵고 상자 색이 진할수록 모듈 전체 "
        "MAC에서 차지하는 몫이 큽니다."
    ),
    "inception_parameters": "파라미터",
    "inception_parameters_of": "가중치 {weights}, 편향 {biases}, 배치 정규화 {norm}",
    "inception_weights_only": "가중치만 셈 (논문의 표와 같은 방식)",
    "inception_macs": "MAC",
    "inception_macs_exact": "이미지 한 장에 곱셈-누산 {macs}번, FLOPs는 그 두 배",
    "inception_less": "적은 연산량 (단순 모듈 대비)",
    "inception_more": "많은 연산량 (단순 모듈 대비)",
    "inception_less_note": "단순 모듈: MAC {macs}, 파라미터 {parameters}, 출력 채널 {channels}",
    "inception_naive_less": "연산량 (차원 축소 모듈 대비)",
    "inception_naive_note": "차원 축소를 쓰면: MAC {macs}, 파라미터 {parameters}, 출력 채널 "
    "{channels}",
    "inception_chain_title": "이어 붙이기: 한 모듈의 출력이 다음 모듈의 입력으로",
    "inception_chain_sum": (
        "모두 합쳐 파라미터 {parameters}개, MAC {macs}입니다. 모두 단순 모듈이라면 파라미터는 "
        "{naive_parameters}개, MAC은 {naive_macs}, 즉 {factor}배가 됩니다."
    ),
    "inception_chain_note": (
        "첫 모듈은 위에서 정한 모듈이고 설정도 그대로 이어집니다. 그 뒤의 모듈은 논문의 채널 "
        "수를 씁니다. 4a와 5a 앞에서는 보폭 2의 3×3 풀링이 특징 맵의 높이와 너비를 각각 절반으로 "
        "줄입니다."
    ),
    "inception_chain_ends": (
        "한 변이 1픽셀이면 더 줄일 수 없고, 모듈의 입력은 {limit}채널까지이므로 여기서 끝납니다."
    ),
    "inception_module": "모듈",
    "inception_channels": "채널",
    "inception_naive_channels": "채널 (단순)",
    "inception_naive_macs": "MAC (단순)",
    "inception_table_title": "층별 계산",
    "inception_unfold": "모든 숫자의 계산식 펼치기",
    "inception_csv": "CSV 내려받기",
    "inception_layer": "층",
    "inception_branch": "갈래 {number}",
    "inception_kernel": "커널",
    "inception_in": "입력",
    "inception_out": "출력",
    "inception_weights": "가중치",
    "inception_biases": "편향",
    "inception_norm": "배치 정규화",
    "inception_multiplications": "곱셈",
    "inception_flops": "FLOPs",
    "inception_memory": "활성값 메모리",
    "inception_total": "합계",
    "inception_naive_row": "단순 모듈",
    "inception_reduced_row": "차원 축소 모듈",
    "inception_factor_row": "단순 ÷ 축소",
    "inception_table_note": (
        "숫자를 누르면 계산식이 나옵니다. 크기는 채널 × 높이 × 너비입니다. 파라미터는 저장하는 "
        "값이고, 곱셈은 실제로 하는 연산입니다. 곱셈에는 MAC에 든 곱셈과, 배치 정규화를 켰을 "
        "때 값마다 한 번씩 곱하는 배율이 들어갑니다(합성곱에 융합하면 사라집니다). MAC은 "
        "곱셈과 덧셈 한 쌍이며 합성곱만 셉니다. FLOPs = 2 × MAC. 활성값 메모리는 이미지 한 "
        "장에 대한 층의 출력을 float32로 잰 값입니다."
    ),
    "inception_paper_title": "논문의 표 1과 나란히",
    "inception_paper_params": "논문 params",
    "inception_our_params": "계산한 가중치",
    "inception_paper_ops": "논문 ops",
    "inception_our_ops": "계산한 MAC",
    "inception_difference": "논문 값의 차이",
    "inception_remark": "설명",
    "inception_paper_rounded": "2 % 이내 차이",
    "inception_paper_params_only": (
        "{size}에서 {printed} K라면 계산상 MAC은 {implied}입니다. 논문의 {ops} M은 채널 수에서 "
        "나온 값과 맞으니 파라미터 값만 틀렸습니다"
    ),
    "inception_paper_both": (
        "논문의 두 값은 서로 맞습니다({printed} K · {size} = {implied}). 표에 적힌 채널 수로 "
        "만든 모듈보다 더 큰 모듈을 계산한 값입니다"
    ),
    "inception_paper_stem": "가중치는 7·7·3·64 = 9,408개입니다. 논문의 ops도 2.7 K를 따른 값입니다",
    "inception_paper_note": (
        "같은 표의 채널 수로 계산했고(Szegedy 외, “Going Deeper with Convolutions”, 2014) "
        "편향은 뺐습니다. 가중치가 1,024 · 1,000개인 마지막 층을 논문이 1000K로 적었으니 "
        "논문의 K는 1,024이고, 여기서도 그렇게 셉니다. M은 백만입니다. 2 %를 넘는 차이에 "
        "표시했습니다."
    ),
    "inception_stem": "7×7 첫 층",
    "inception_code_title": "이 모듈의 PyTorch 코드",
    "inception_claims_title": "떠도는 주장과 실제 계산",
    "inception_claims_wrong": "흔한 주장",
    "inception_claims_true": "실제",
    "inception_here": "위의 모듈에서는",
    "inception_claim_mult": (
        "14×14에서 480채널을 받아 48채널을 내는 5×5 합성곱은 파라미터가 112.9M개이고, 앞에 16채널 "
        "1×1을 두면 5.3M개다."
    ),
    "inception_true_mult": (
        "그 수는 이미지 한 장을 처리할 때 하는 곱셈의 횟수입니다.\n"
        "{direct}\n"
        "{reduced}\n"
        "두 값은 {factor}배 차이가 납니다. 저장하는 가중치는 다음과 같습니다.\n"
        "{weights}\n"
        "{reduced_weights}"
    ),
    "inception_here_mult": (
        "큰 커널 갈래는 이미지 한 장에 곱셈을 {multiplications}번 하고 가중치 "
        "{weights}개를 저장합니다."
    ),
    "inception_claim_gap": "전역 평균 풀링이 가중치 51.3M개를 0개로 바꾼다.",
    "inception_true_gap": (
        "{invented}는 있지도 않은 1,024개 클래스를 가정한 층입니다. 풀링이 7·7을 없애는 것은 "
        "맞지만 GoogLeNet에는 마지막 층이 남아 있습니다.\n"
        "파라미터 {real}"
    ),
    "inception_claim_vgg": "VGG의 완전 연결층이 계산량의 85 %를 차지한다.",
    "inception_true_vgg": (
        "VGG-16의 파라미터에서는 {parameter_share}, MAC에서는 {mac_share}입니다.\n"
        "파라미터 {all_parameters}개 중 {parameters}개\n"
        "MAC {all_macs} 중 {macs}"
    ),
    "inception_claim_naive": "단순 인셉션 모듈의 채널 수는 지수적으로 늘어난다.",
    "inception_true_naive": (
        "더해질 뿐입니다. 단순 모듈은 입력을 그대로 넘기고 1×1, 3×3, 5×5의 채널을 더합니다.\n"
        "{chain}\n"
        "{steps}"
    ),
    "inception_here_naive": (
        "단순 모듈이라면 {source}채널이 {result}채널이 됩니다. {added}채널을 더한 값입니다."
    ),
    "inception_claim_two": (
        "5×5 하나를 3×3 두 개로 바꾸면 파라미터가 25개에서 18개로, 7×7 하나를 3×3 세 개로 바꾸면 "
        "49개에서 27개로 준다."
    ),
    "inception_true_two": (
        "채널 한 쌍마다 그렇다는 뜻입니다. 입력과 출력이 C채널이면 25·C² 대 18·C², 49·C² 대 "
        "27·C²입니다. C = {channels}일 때:\n"
        "{two}\n"
        "{five}\n"
        "{three}\n"
        "{seven}"
    ),
    "inception_here_two": (
        "큰 커널 갈래의 가중치는 5×5일 때 {five}개, 3×3일 때 {three}개, 3×3 두 번일 때 "
        "{two}개입니다."
    ),
    "inception_claim_split": "n×n 커널은 1×n 또는 n×1과 같다.",
    "inception_true_split": (
        "1×n 다음에 n×1을 잇는 것입니다. 채널 한 쌍마다 n² 대신 2·n입니다. n = 7, C = "
        "{channels}일 때:\n"
        "{pair}\n"
        "{square}"
    ),
    "inception_claim_million": "GoogLeNet의 파라미터는 백만 개로, VGG 완전 연결층의 1 %다.",
    "inception_true_million": (
        "백만 개는 하나뿐인 완전 연결층의 파라미터 {fc}개를 말합니다. VGG-16 완전 연결층의 "
        "파라미터 {vgg}개의 {share}입니다. 신경망 전체의 파라미터는 {net}개입니다."
    ),
    "inception_claim_alexnet": "AlexNet의 파라미터는 합성곱 2M개, 완전 연결 65M개다.",
    "inception_true_alexnet": "합성곱 {conv}개, 완전 연결 {fc}개, 모두 {all}개입니다.",
    "inception_claim_sizes": (
        "AlexNet 각 층의 뉴런은 290,400 – 186,624 – 64,896 – 43,264 – 4,096 – 4,096 – 1,000개다."
    ),
    "inception_true_sizes": (
        "학습하는 층은 여덟 개이고, 네 번째 층의 {missing}개가 빠졌습니다.\n{sizes}"
    ),
    "inception_claim_resnet": "ResNet의 지름길 연결에는 파라미터가 없다.",
    "inception_true_resnet": (
        "항등 연결에는 없습니다. ResNet-18에는 항등 연결이 {identities}개, 1×1 투영이 "
        "{projections}개 있고, 투영은 배치 정규화까지 합쳐 다음만큼의 파라미터를 저장합니다.\n"
        "{working}"
    ),
    "inception_claim_softmax": "신경망이 소프트맥스로 끝나고 그다음에 교차 엔트로피를 계산한다.",
    "inception_true_softmax": (
        "PyTorch의 nn.CrossEntropyLoss는 로짓을 받아 안에서 로그 소프트맥스를 계산합니다. 앞에 "
        "소프트맥스를 또 두면 10개 클래스에서 완벽하게 확신한 정답의 손실도 0이 되지 "
        "않습니다.\n"
        "−ln(e¹ / (e¹ + 9·e⁰)) = {floor}\n"
        "로짓 (2, 1, 0), 정답이 첫 클래스일 때: 소프트맥스 한 번 {once}, 두 번 {twice}"
    ),
    "inception_net_title": "신경망 전체를 층별로",
    "inception_net": "신경망",
    "inception_net_size": "이미지 한 변 (픽셀)",
    "inception_net_classes": "클래스 수",
    "inception_net_search": "층 찾기",
    "inception_net_search_hint": "conv, pool, 5b …",
    "inception_net_totals": (
        "파라미터 {parameters}개 · MAC {macs} · 합성곱층과 완전 연결층 {layers}개"
    ),
    "inception_net_aux": "학습할 때만 쓰는 보조 분류기에 파라미터가 {parameters}개 더 있습니다.",
    "inception_net_bars": "파라미터는 어디에, 연산은 어디에",
    "inception_net_stages": "단계별 수치",
    "inception_net_stage": "단계",
    "inception_net_kind": "종류",
    "inception_net_field": "수용 영역",
    "inception_net_stride": "보폭",
    "inception_net_found": "전체 {all}개 층 중 {found}개",
    "inception_net_note": (
        "이미지 한 장을 추론할 때의 값입니다. 수용 영역과 보폭은 이미지의 픽셀 단위이고, "
        "이미지를 벗어난 부분에서는 패딩을 봅니다."
    ),
    "inception_net_small": (
        "{size} × {size} 이미지는 이 신경망에 너무 작습니다. {layer}({what})에 들어오는 크기가 "
        "{shape}입니다."
    ),
    "inception_net_values": (
        "{size} × {size} 이미지는 이 신경망에 맞지 않습니다. {layer}({what})에 들어오는 크기가 "
        "{shape}인데, 다른 크기에 맞춘 층입니다."
    ),
}
