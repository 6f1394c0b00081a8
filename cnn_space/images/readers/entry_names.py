"""Names of a zip's entries, as whoever packed it wrote them."""

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Sequence

# Code pages that are tried where names are neither UTF-8 nor Korean; of equally good ones the
# first is taken.
CODE_PAGES = ("gb18030", "cp932", "big5", "cp437", "cp1252", "cp866", "cp1251")
UNICODE_PATH = 0x7075  # an extra field: the name in UTF-8 (APPNOTE.TXT 4.6.9)
MOST_BYTES = 20_000  # of all names together that a code page is judged by

# The commonest syllables of Korean text (the first 512 of the EUC-KR table in Mozilla's detector of
# character sets), and some that names of animals, plants and food are made of.
COMMON_SYLLABLES = frozenset(
    "다이는하에을의로를한스서지가은있고리어기것용사수일트해시그들도정자면니인라으할나드보만여파되설게대터러제문아프부우적된버과모주위치크분와전디요메소상명경않작때음실신야장바"
    "데입같행구세내포동화템눅마른없당유호록개원성함습비합필번방커더결운든네간널단관션키래능저공각두패려토오램안중연력거령조법계미며워예또레생재선타진본알반렉통업컴었체준많히변"
    "접역식속등확처글약무블될매페현표브웨출름테목루형배추팅환발티쓰말했까특클언넷떤항임점값카참열영따코택받최직르몇줄링런란읽윈새질후립복료플옵찾렇권째좋태별물람겠편린퓨볼므근"
    "차종못초잘달절머존져외써검뉴됩금불판베색피집림았럼떻심누퍼웍순킷허련막얻케얼듈끝완론양꼴갖넣싶첫산곳송놓즉느올돌튼응격먼길답던백꾸콜앞였축혹쉘건너감쪽회움증룹캐술닉규맞책"
    "웹청류엔교릭엇온쉽급십께셋빠턴켜향텍난뒬렬품풀좀콘켓컬노걸쉬큐날붙쓸석뒤쳐충럽긴잡험년락벽살딩즈박효럭킨낸월뎀죠압숫킹몬강국킬넘닌뿐활롬픽겨담투왜창병솔짜삭군줍폴홈톨릴슬"
    "졌폰칙섹견낼햇울밀큰젝맨및떠롤밍펴애둘채헤혀멀벨슷억독취남랍범젼냐학황손왑센큼랙핑평량틸암익높툴략꼭냥즘쓴왔찬밖갈듯침옮칩씩논겁측랜텔뜻컨율친틀천핸벤맷잠눌액틴탑롭족갱욱"
    "똑엄딸끼닭돼쥐꽃잎늑랑슴펭귄곰뱀콩팥벌쌀빵밥떡옷곤씨벚튤튀묵찌귤딱낙홍룩꿩꿀깨껍숲흙돗멍냄갑멧앵컵칫젓톱앙엉앤땅닥콤짝찐짐핀핏눈귀털봄옥뿔쿠쿼츠샤슈튜"
)
# So much of a Korean archive's syllables are common ones; of Chinese text read as Korean, a fifth.
COMMON_SHARE = 0.6


def entry_names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The name of each entry.

    It is UTF-8 where the entry says so, by its flag or by an extra field. All other names of an
    archive are in one code page: UTF-8 where it fits all, else the Korean one unless something
    speaks against it, else the likeliest of CODE_PAGES.
    """
    names: list[str | None] = [_declared_name(entry) for entry in entries]
    raw = {
        number: entries[number].orig_filename.encode("cp437")
        for number, name in enumerate(names)
        if name is None
    }
    code_page = _code_page(raw.values())
    return [
        raw[number].decode(code_page, "replace") if name is None else name
        for number, name in enumerate(names)
    ]


def _declared_name(entry: zipfile.ZipInfo) -> str | None:
    """The name where its encoding is known, else None."""
    name = entry.orig_filename
    if entry.flag_bits & 0x800:
        return name
    try:
        # Without the UTF-8 flag ``zipfile`` reads code page 437.
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    return _unicode_path(entry.extra, raw) or (name if raw.isascii() else None)


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in an entry's extra fields; None where there is none that belongs to ``raw``."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field, at = extra[at + 4 : at + 4 + size], at + 4 + size
        if kind == UNICODE_PATH and len(field) > 5 and field[0] == 1:
            if struct.unpack_from("<I", field, 1)[0] != zlib.crc32(raw):
                return None  # the entry was renamed by a tool that does not know the field
            try:
                return field[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None


def _code_page(names: Iterable[bytes]) -> str:
    """The code page that all ``names`` are in."""
    # Folders and files, each once: a folder of many files weighs no more than one of few.
    parts = dict.fromkeys(part for name in names for part in name.replace(b"\\", b"/").split(b"/"))
    data = b"\n".join(part for part in parts if not part.isascii())
    if _decoded(data, "utf-8") is not None:
        return "utf-8"
    data = data[:MOST_BYTES].rpartition(b"\n")[0] if len(data) > MOST_BYTES else data
    korean = _decoded(data, "cp949")
    if korean is not None and _is_korean(korean):
        return "cp949"
    return _likeliest(data)


def _decoded(data: bytes, code_page: str) -> str | None:
    try:
        return data.decode(code_page)
    except UnicodeDecodeError:
        return None


def _is_korean(text: str) -> bool:
    """Whether text beyond ASCII is all Hangul, and mostly of common syllables."""
    letters = [c for c in text if not c.isascii()]
    common = sum(c in COMMON_SYLLABLES for c in letters)
    return all("가" <= c <= "힣" for c in letters) and common >= COMMON_SHARE * len(letters)


def _likeliest(data: bytes) -> str:
    from charset_normalizer import from_bytes

    # Few names need more than the first Chinese standard, and Japanese ones read as Chinese do.
    rare = _decoded(data, "gb2312") is None
    # ``chaos`` is how unlike written language the text is, 0 to 1.
    matches = {
        match.encoding: (
            _against(str(match)) + (rare and match.encoding == "gb18030"),
            round(match.chaos, 1),
        )
        for match in from_bytes(data, cp_isolation=list(CODE_PAGES))
    }
    return min(
        (name for name in CODE_PAGES if name in matches), key=matches.__getitem__, default="cp437"
    )


def _against(text: str) -> int:
    """How many words hold letters of two alphabets, or signs that no name holds."""
    return sum(_is_odd(word) for word in text.split())


def _is_odd(word: str) -> bool:
    # The first word of a character's name: LATIN, CYRILLIC, CJK; HALFWIDTH for old Katakana.
    scripts = {unicodedata.name(c, "UNKNOWN").split()[0] for c in word if not c.isascii()}
    signs = any(not c.isascii() and unicodedata.category(c)[0] not in "LM" for c in word)
    latin = any(c.isascii() and c.isalpha() for c in word)
    return signs or "HALFWIDTH" in scripts or (latin and bool(scripts - {"LATIN", "COMBINING"}))
