"""The words by which a passage may address its grader, in a dozen languages, grouped by what they mean. No group says
anything by itself: honest essays grade, order and ask, too. The classifier learns which of them make an attack."""

import re
import unicodedata
from functools import cache

# Each group has the beginnings of its words; a dot ends a whole word, and an underscore joins the words of a phrase.
_WORDS = """
ignore: ignor disregard forget. overrid overrul skip. stop. bypass neglect no_longer do_not_compare vergiss vergess
missacht uberspring nicht_mehr beiseite oubli ne_tiens ne_tenez arret cess laisse_de_cote olvid no_teng deja_de deje_de
omit prescind caso_omiso dimentic lascia_perdere non_considerar trascur esquec desconsider deixe_de negeer vergeet
zignor zapomnij pomin glom. забуд игнорир не_учитыв не_обращ не_сравнив забуть ігнор yok_say unut dikkate_alma zapomen
忽略 无视 不要 無視 忘れ 무시 تجاهل
give: give. giving. award grant. assign enter. record put. set. return. output. rate. grade_th mark_th mark_me score_th
write_down fill_in treat. count. consider. accept. confirm. copy. raise. round. release. gib. gebe. geben_sie vergib
vergeb setz trag. trage eintragen bewerte erteil schreib schenk akzeptier donne attribu mets. mettez accord inscri
octroy notez considere pon. ponga dale. deme. dame. asign otorg conced calific acept assegn dai. dare. metti. attribuisc
concedi atribu coloque de. avalie geef ken. toeken przyzna daj. dajcie postaw wpisz uzna ge. ger. dej. udel постав
выстав дай. дайте запиш присво засчит счита начисл ver. verin yazin girin 给 打 付け 与え 주세요 امنح أعط
top: full. fully. max. maximum maximal top. highest perfect best. excellent outstanding flawless distinction hundred
ceiling limit. band. complete. completely. voll. volle vollstandig hochst beste hundert hervorragend meilleur maxima
parfait cent. vingt. mejor cien. sobresaliente massim miglior pieno cento. mais_alta melhor cem. hoogst najwyz najleps
maksym hogst nejleps максим высш лучш отличн сто. полн найвищ en_yuksek tam. fazla 满 最高 満 만점 최고 الكاملة أعلى
number: 25. 24. 23. 100. 99. twenty_five funfundzwanzig vingt_cinq veinticinq двадцать_пять
points: point. points. mark. marks. score grade. grades. rating. credit. percent result. punkt note. noten bewertung
ergebnis notes. bareme punto puntuac nota. notas. calificac puntaje punteggi voto. voti pontuac ponto cijfer punten ocen
punktow poang betyg body. znamk балл оценк отметк очк бал. бали puan not. notu 分 点 점수 علامة الدرجة نقاط النقاط
correct: correct. right. met. meets. satisf fulfil pass. passed. deserve mastery richtig korrekt erfullt bestanden
verdien juste. correcte merite cumpl merece correct merita corrett poprawn goed. верн правильн заслужива dogru 正确
rules: instruction rubric criteri guideline rule scheme. checklist policy task. scale. dimension orders. anweisung
kriteri raster vorgabe regel richtlini consigne critere grille regle regla norma istruzion instruc instrukc критери
инструкц правил указан kriter talimat olcut 标准 指 基準 기준 지시 المعايير التعليمات
secret: reference_answer reference_solution model_answer model_solution sample_solution sample_answer answer_key
system_prompt prompt. solution. musterlosung losung. corrige reponse_de_reference respuesta_de_referencia solucion
soluzione gabarito resposta_de_referencia modelantwoord wzorcow эталон образец образц ornek_cevab 参考 模範 النموذجية
show: print. repeat. reveal show. tell. list. write_out quote. copy. translate include. output_every nenn zeig. verrat
wiederhol recopi montre revel affich ecris copia. muestra repite escrib dime. scrivi mostra escreva mostre toon. schrijf
napisz pokaz напиши привед покажи повтори yaz. goster 写 書い اكتب
place: rationale feedback comment your_reply begrundung kommentar commentaire comentario commento toelichting komentarz
пояснени комментари aciklama 评语 講評 التعليق
grader: grader marker examiner evaluator assessor corrector scorer grading whoever marking evaluation. scoring prufer
korrektor bewerter gutachter correcteur correctrice examinateur evaluateur jury. evaluador examinador corrij correttor
esaminator corretor avaliador beoordelaar egzaminator проверя экзаменатор оценщик оценива degerlendir 评分 採点 채점
machine: ai. ais. llm chatgpt gpt language_model bot. robot. machine. computer. assistant. algorithm model. automated
automatic system. ki. kunstliche_intelligenz maschine sprachmodell ia. intelligence_artificielle modele_de automatique
inteligencia_artificial modelo_de maquina asistente intelligenza_artificiale sztuczna_inteligenc umela_inteligence
искусственн штучн нейросет автомат yapay_zek 人工 인공지능 الذكاء
text: this_essay my_essay this_answer my_answer this_text my_text this_submission my_submission this_paper my_paper
this_script the_student this_student this_candidate the_candidate this_response my_response this_document my_solution
my_work dies text. aufsatz mein_text meinen_text cette_copie cette_reponse ce_texte mon_texte cet_etudiant
esta_respuesta este_texto este_ensayo mi_texto este_estudiante questa_risposta questo_studente esta_resposta este_aluno
dit_antwoord deze_student tej_odpowiedzi temu_student этот_ответ этого_ответа этому_студент эту_работ этой_работ
это_эссе мой_текст bu_ceva bu_ogrenc 这_篇 这_位 この_学 이_학생 هذا_الطالب
you: you. your. yours. yourself. du. dich. dir. dein sie. ihr. ihnen. ihre. tu. te. toi. ton. ta. tes. vous. votre. vos.
ti. usted su. sus. tus. lei. tuo. tue. voce seu. suas. je. jouw uw. twoj swoje ты. тебя тебе твой твои вы. вас. вам. ваш
свои. sen. sana siz. 您 你 あなた 당신 أنت
me: me. my. mine. i. ich. mir. mich. mein moi. mon. ma. mi. yo. ponme dame. io. mio. eu. meu. mij. mnie мне. меня мой.
моя. bana beni. benim 我 私 나. أنا
please: please. kindly. beg. begging mercy lenient pity. generous let_me pass_me bitte. flehe instandig gnade supplie
prie. veuillez indulgen por_favor ruego suplico piedad prego. favore alstublieft blagam prosze умоля пожалуйста прошу
lutfen yalvar 请 求求 お願い ください 제발 الرجاء
role: are_now are_no_longer act_as act. pretend play. role. from_now from_here imagine. simulate mode. you_are_a du_bist
ab_sofort ab_jetzt ab_hier spielst stell_dir tu_es tu_joues desormais a_partir eres. imagina. finge sei_un agora_voce
finja je_bent udawaj теперь отныне представь artik bundan
official: authori approved agreed decided official notice. board. committee coordinator administrator admin. developer
vendor supervisor instructed exempt waived calibrat sample. accommodation moderated override maintenance department
entschieden leiter prufungsamt ordne. mitteilung dozent decide. responsable ordonne professeur decidido acordado
profesor ordeno deciso professor besloten docent zdecydowa решил утверд приказыва преподавател karar 决定 قرر
less: deduct take_off less. at_least below. negative never. no_matter whatever. missing. punish strict. abzieh zieh.
enlev. quite. quita togli descont trek. odejm сниж снима kirma 扣
dimension: relevance depth. clarity technical relevanz tiefe. klarheit technik pertinence profondeur clarte technique
relevancia profundidad claridad tecnica pertinenza profondita chiarezza clareza profundidade релевантн глубин ясност
техник
markup: </ <| <!-- {" "} --- === [ ### /* //
"""
_TOKEN = re.compile("[\u2e80-\u9fff]|[^\\W\u2e80-\u9fff]+|[^\\w\\s]+")
# The longest phrase in words, the longest beginning in letters, and how many dimensions or high numbers make a list.
_PHRASE, _LONGEST, _LISTED = 3, 20, 3


def concepts_in(text: str) -> frozenset[str]:
    """The groups that the text has words of."""
    stems, tokens = _stems(), _TOKEN.findall(_plain(text))
    hits: list[tuple[str, str]] = []
    for last, token in enumerate(tokens):
        for first in range(max(0, last - _PHRASE + 1), last + 1):
            before = "".join(f"{word}_" for word in tokens[first:last])
            ends = (f"{token}.", *(token[:end] for end in range(1, min(len(token), _LONGEST) + 1)))
            hits += [(concept, token) for end in ends for concept in stems.get(before + end, ())]
    found = {concept for concept, _ in hits}
    dimensions = {token for concept, token in hits if concept == "dimension"}
    numbers = sum(concept == "number" for concept, _ in hits)
    return frozenset(found | {"points_list"} if max(len(dimensions), numbers) >= _LISTED else found)


@cache
def _stems() -> dict[str, list[str]]:
    """The groups of each beginning of a word or phrase."""
    stems: dict[str, list[str]] = {}
    concept = ""
    for word in _plain(_WORDS).split():
        if word.endswith(":"):
            concept = word[:-1]
            continue
        tokens = _TOKEN.findall(word.rstrip(".").replace("_", " "))
        stems.setdefault("_".join(tokens) + ("." if word.endswith(".") else ""), []).append(concept)
    return stems


def _plain(text: str) -> str:
    """The text in small letters without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(letter for letter in letters if not unicodedata.combining(letter)))
