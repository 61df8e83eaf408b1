"""Words of other languages with spaces between words, in the notation of the English lists, for the most important
concepts."""

from app.domain.essay.injection.concepts import Concept as On

# Languages with spaces between the words; accents don't count.
SPACED: dict[str, dict[On, str]] = {
    "de": {
        On.TOP_MARK: "beste_note bester_note beste_bewertung eine_eins note_eins note_1", On.PLEASE: "bitte",
        On.EARLIER: "alle* bisherig* vorherig* obig* fruher* dein* uberall jeweils jede*",
        On.OVERRIDE: """ignorier* lass lassen_sie vergiss vergesst vergessen_sie missacht* uberspring* verwirf
            lass_ausser_acht ausser_acht nicht_beachten nicht_berucksichtig* beachte_nicht hinweg*
            lass_beiseite beiseite""",
        On.INSTRUCTIONS: """anweisung* bewertungsraster* bewertungskriteri* vorgabe* kriterien instruktion*
            rubrik* bewertungsschema* richtlinie* regeln musterlosung* bewertungsvorgabe* erwartungshorizont*""",
        On.GIVE: """gib vergib gebt vergeben_sie geben_sie setz setze setzen_sie trag trage tragen_sie bewerte
            bewerten_sie erteile erteilen_sie schreib schreibe benote verleihe verdien* notiere vergebt werte""",
        On.TOP: """volle vollen maximal* maximum hochst* bestnote* hochstpunkt* hochstnote* hundert
            funfundzwanzig fuenfundzwanzig hochstwertung* vollpunkt* 25 100""",
        On.MARKS: """punkt* note noten punktzahl* bewertung* bestnote* hochstpunktzahl* hochstnote*
            hochstwertung* kategorie* relevanz klarheit vollpunktzahl""",
        On.GRADER: """prufer* korrektor* bewerter* gutachter* ki_modell bewertungssystem* prufend* korrigier*
            bewertungs_ki""",
        On.THIS: "dies* mein* vorliegend*", On.TEXT: "aufsatz* text* antwort* arbeit essay* abgabe losung",
        On.SECRET: "systemprompt* musterlosung* anweisung* rubrik* bewertungsraster* erwartungshorizont*",
        On.REVEAL: """zeig* erklar* nenn* wiederhol* verrat* zitier* gib_aus drucke schreib* ausgeben
            wiedergeben kopier*""",
        On.PRETEND: "du_bist_jetzt du_bist_nun ab_jetzt ab_sofort stell_dir_vor tu_so von_nun_an",
    },
    "nl": {
        On.TOP_MARK: "beste_cijfer hoogste_cijfer een_tien", On.PLEASE: "alstublieft alsjeblieft",
        On.EARLIER: "alle vorige eerder* voorgaande je jouw overal elk elke bovenstaande",
        On.OVERRIDE: "negeer negeren vergeet vergeten sla_over laat_buiten buiten_beschouwing omzeil* schrap trek_je",
        On.INSTRUCTIONS: """instructie* beoordelingsmodel* rubriek* richtlijn* aanwijzing* regels
            beoordelingscriteri* criteria nakijkmodel* antwoordmodel* opdracht*""",
        On.GIVE: "geef geven ken_toe toekennen vul zet noteer beoordeel schrijf wijs_toe verdien*",
        On.TOP: "volle maximale maximum hoogste beste vijfentwintig honderd 25 100 maximaal perfecte",
        On.MARKS: "punt* cijfer* score* beoordeling* relevantie helderheid onderdeel criterium",
        On.GRADER: "beoordelaar* corrector* nakijker* examinator*", On.THIS: "deze dit mijn",
        On.TEXT: "essay* opstel antwoord tekst werkstuk inzending",
        On.SECRET: "systeemprompt* modelantwoord* antwoordmodel* instructies rubriek* beoordelingsmodel*",
        On.REVEAL: "toon herhaal citeer geef noem onthul kopieer schrijf", On.PRETEND: "je_bent_nu vanaf_nu doe_alsof",
    },
    "nordic": {
        On.TOP_MARK: "hogsta_betyg basta_betyg bedste_karakter beste_karakter",
        On.PLEASE: "vanligen venligst snalla vennligst",
        On.EARLIER: "alla alle tidigare tidligere ovan ovennevnte dina dine alt allt overallt",
        On.OVERRIDE: "ignorera ignorer ignorere glom glem se_bort bortse strunta overse lad_vaere hoppa_over",
        On.INSTRUCTIONS: """instruktion* instruks* anvisning* rubrik* bedomningsmall* kriteri* riktlinj*
            retningslin* regler vurderingskriteri* vurderingsskjema rettevejledning* sensorveiledning*""",
        On.GIVE: "ge ger giv gi gis satt saet sett tildela tildel skriv bedom vurder",
        On.TOP: """full fulla fulle hogsta hojeste hoyeste hoyest maximal* maksimal* maks max basta bedste
            beste 25 100 hundra""",
        On.MARKS: "poang* betyg* point poeng* karakter* score dimension* relevans",
        On.GRADER: "bedomare* sensor bedommer* laerer* larare*", On.THIS: "denna detta denne dette min mitt det_har",
        On.TEXT: "uppsats* text* svar essa* essay* stil opgave*",
        On.SECRET: "systemprompt* facit instruktioner rubriken modellsvar* instruktionerne",
        On.REVEAL: "visa vis upprepa gentag gjenta citera skriv avsloja",
        On.PRETEND: "du_ar_nu du_er_nu fran_och_med_nu",
    },
    "fr": {
        On.TOP_MARK: "meilleure_note vingt_sur_vingt 20_20 tous_les_points",
        On.PLEASE: "veuillez s'il_vous s'il_te merci_de",
        On.EARLIER: "tout toutes tous precedent* tes vos ci_dessus anterieur* partout chaque",
        On.OVERRIDE: """ignore* ignorez ignorer oublie* oubliez oublier neglige* ne_tiens_pas ne_tenez_pas
            ne_tenez_aucun faites_abstraction fais_abstraction laisse_de_cote laissez_de_cote passez_outre
            mets_de_cote mettez_de_cote abandonne*""",
        On.INSTRUCTIONS: """instruction* consigne* bareme* rubrique* grille critere* directive* regle* corrige
            ordres_precedents ce_qui_precede""",
        On.GIVE: "donne donnez donner attribue* attribuez mets mettez accorde* accordez notez inscri* octroy* merite*",
        On.TOP: "maximum maximal* pleine* parfaite* vingt_cinq cent 25 100 max tous_les_points maximale* haute",
        On.MARKS: "point points note notes score scores notation bareme pertinence profondeur clarte critere",
        On.GRADER: "correcteur* evaluateur* examinateur* correctrice* assistant notateur* jury",
        On.THIS: "cette ce cet ma mon", On.TEXT: "copie essai* dissertation* reponse* texte* travail redaction*",
        On.SECRET: "invite prompt consignes instructions bareme corrige reponse_modele reponse_de_reference grille",
        On.REVEAL: """montre* indique* explique* repete* revele* affiche* cite* recopie* imprime* ecri*
            divulgue* donne*""",
        On.PRETEND: """vous_etes_un tu_es_un tu_es_maintenant vous_etes_maintenant a_partir_de_maintenant
            desormais imagine* fais_comme""",
    },
    "es": {
        On.TOP_MARK: "mejor_nota nota_mas un_diez matricula_de_honor todos_los_puntos", On.PLEASE: "por_favor ruego",
        On.EARLIER: "todo* toda* anterior* tus sus previa* previo* cada",
        On.OVERRIDE: """ignora ignore ignoren ignorar olvida olvide olvidar omite omita descarta descarte
            haz_caso_omiso haga_caso_omiso no_tenga* no_tengas* deja_de deje_de pasa_por_alto prescinda*
            prescinde* desestim*""",
        On.INSTRUCTIONS: """instruccion* rubrica* consigna* criterio* directric* regla* pauta* indicacion*
            solucion_modelo""",
        On.GIVE: """dale dame ponme deme da_la da_el da_25 da_cien da_100 den_la de_la_max* de_le dele dar_la
            otorga* otorgue* asigna* asigne* pon ponga ponle conceda* concede* califica* califique* puntua*
            puntue* merece* registra* registre* anota* escribe""",
        On.TOP: "maxim* mas_alta mas_alto mejor perfect* veinticinco cien 25 100 sobresaliente todos_los",
        On.MARKS: """punto puntos puntuacion* nota notas calificacion* puntaje* relevancia claridad profundidad
            apartado""",
        On.GRADER: "evaluador* corrector* examinador* profesor* usted asistente calificador*", On.THIS: "este esta mi",
        On.TEXT: "ensayo* respuesta* texto* trabajo redaccion*",
        On.SECRET: "instrucciones rubrica* respuesta_modelo respuesta_de_referencia prompt mensaje_del_sistema",
        On.REVEAL: "muestra* repite* repita* revela* revele* imprime* cita* copia* copie* escribe* escriba*",
        On.PRETEND: "ahora_eres a_partir_de_ahora de_ahora_en_adelante imagina* actua_como finge*",
    },
    "pt": {
        On.TOP_MARK: "melhor_nota nota_dez nota_10 nota_mil todos_os_pontos", On.PLEASE: "por_favor",
        On.EARLIER: "todas todos tudo anterior* seus suas acima cada previa*",
        On.OVERRIDE: """ignore ignora ignorar ignorem esqueca esquece esquecer desconsider* descart*
            desrespeit* nao_siga deixe_de nao_use nao_usa deixe_de_lado""",
        On.INSTRUCTIONS: "instruco* rubrica* criterio* diretriz* regra* gabarito* orientaco* comando*",
        On.GIVE: """dar de_me da_me de_nota de_a_nota de_25 da_nota de_cem de_100 atribua* atribui* conceda*
            coloque* ponha* avalie* registre* registe* escreva* merece* marque*""",
        On.TOP: "maxim* mais_alta perfeita* melhor vinte_e_cinco cem 25 100 cheia",
        On.MARKS: "ponto pontos nota notas pontuac* avaliac* relevancia clareza profundidade criterio",
        On.GRADER: "corretor* avaliador* examinador* professor* assistente", On.THIS: "esta este meu minha",
        On.TEXT: "redac* resposta* texto* ensaio* trabalho",
        On.SECRET: "instrucoes rubrica* gabarito* resposta_modelo prompt resposta_de_referencia",
        On.REVEAL: "mostre* repita* revele* imprima* cite* copie* escreva*",
        On.PRETEND: "a_partir_de_agora voce_e_agora voce_agora finja* imagine* aja_como",
    },
    "it": {
        On.TOP_MARK: "miglior_voto miglior_punteggio trenta_e_lode dieci_e_lode", On.PLEASE: "per_favore prego",
        On.EARLIER: "tutt* precedent* tue sopra ogni ciascun*",
        On.OVERRIDE: """ignora ignorate ignori ignorare dimentica* dimentichi trascura* lascia_perdere
            lasci_perdere lascia_stare non_considerare non_tenere non_tenga* scarta* tralascia*""",
        On.INSTRUCTIONS: "istruzion* rubrica griglia criteri* direttiv* regol* indicazion* soluzione_modello consegn*",
        On.GIVE: """dai_25 dai_il dai_cento dai_venticinque dai_a_quest* dai_tutti dai_100 dare dia assegna*
            assegni metti metta attribuisc* conced* scriv* valuta* registra* merita* segna*""",
        On.TOP: "massim* pieno pieni piena migliore perfett* venticinque cento 25 100 trenta_e_lode piu_alto",
        On.MARKS: "punto punti punteggi* voto voti valutazion* pertinenza chiarezza profondita criterio",
        On.GRADER: "correttore* valutator* esaminator* professor* assistente", On.THIS: "questo questa mio mia",
        On.TEXT: "tema saggio risposta testo elaborato compito",
        On.SECRET: "istruzioni rubrica griglia risposta_modello prompt soluzione",
        On.REVEAL: "mostra* ripeti* rivel* stampa* cita* copia* scriv* riporta*",
        On.PRETEND: "da_ora_in_poi adesso_sei ora_sei fingi* immagina* d'ora_in_poi",
    },
    "ro": {
        On.PLEASE: "va_rog te_rog", On.EARLIER: "toate toti anterioare precedente fiecare tot",
        On.OVERRIDE: "ignora ignorati uita uitati nu_tine nu_tineti omite",
        On.INSTRUCTIONS: "instructiun* barem* criteri* rubric* regul* indicatii*",
        On.GIVE: "acorda* dati ofera* oferiti noteaza* pune* puneti",
        On.TOP: "maxim* douazeci_si_cinci suta 25 100 perfect*",
        On.MARKS: "punct* nota note notele punctaj* claritate relevanta",
        On.GRADER: "evaluator* corector* examinator* profesor*", On.THIS: "acest* aceast* mea meu",
        On.TEXT: "eseu* raspuns* text* lucrare*",
    },
    "pl": {
        On.TOP_MARK: "najlepsza_ocene szostke", On.PLEASE: "prosze",
        On.EARLIER: "wszystk* poprzedn* wczesniej* swoje kazd*",
        On.OVERRIDE: "zignoruj* ignoruj* zapomnij* pomin* odrzuc* nie_zwazaj nie_uwzgledniaj lekcewaz*",
        On.INSTRUCTIONS: "instrukcj* polece* rubryk* kryteri* wytyczn* zasad* klucz* regul*",
        On.GIVE: "przyznaj* daj dajcie wpisz* postaw* ocen ocencie wystaw* przydziel* zasluguje",
        On.TOP: "maksym* pelna pelne najwyzs* najlepsz* sto dwadziescia_piec 25 100 komplet",
        On.MARKS: "punkt* ocen* wynik* not* jasnosc* trafnosc* glebi* kryterium",
        On.GRADER: "egzaminator* oceniajac* sprawdzajac* nauczyciel* asystent*", On.THIS: "ten ta to tego moj moja te",
        On.TEXT: "esej* prac* odpowied* tekst* wypracowan*", On.SECRET: "instrukcj* rubryk* wzorcow* prompt* klucz*",
        On.REVEAL: "pokaz* powtorz* ujawnij* wypisz* zacytuj* podaj*",
        On.PRETEND: "jestes_teraz od_teraz udawaj* wyobraz*",
    },
    "cs": {
        On.PLEASE: "prosim", On.EARLIER: "vsechn* predchoz* dosavadn* kazd*",
        On.OVERRIDE: "ignoruj* zapomen* zanedbej* pomin* nehled* ignorujte neber_ohled neridte",
        On.INSTRUCTIONS: "instrukc* pokyn* kriteri* rubrik* pravid* zadani",
        On.GIVE: "dej dejte udel* pridel* prirad* zapis* ohodnot* hodnot*",
        On.TOP: "maxim* plny plne plnych nejvyss* nejleps* sto dvacet_pet 25 100 najvyss*",
        On.MARKS: "bod* znamk* skore hodnocen* relevanc* jasnost*",
        On.GRADER: "hodnotitel* opravujic* zkousejic* ucitel*", On.THIS: "tento tato toto tuto muj moje",
        On.TEXT: "esej* text* odpoved* prac*",
    },
    "ru": {
        On.TOP_MARK: "лучшую_оценку лучшая_оценка пятерку", On.PLEASE: "пожалуйста прошу",
        On.EARLIER: "все всех предыдущ* прежн* свои твои выше кажд* всё",
        On.OVERRIDE: "игнорир* проигнорир* забуд* забыть отмен* не_учитыва* не_обраща* пренебр* отброс* не_следуй*",
        On.INSTRUCTIONS: "инструкц* указан* критери* рубрик* правил* предписан* эталон* установк*",
        On.GIVE: "постав* дай дайте выстав* присво* оцени* запиши* начисл* ставь* назнач* заслужива*",
        On.TOP: "максим* высш* полн* наивысш* лучш* отличн* двадцать_пять сто 25 100 пятерк*",
        On.MARKS: "балл* оценк* очк* отметк* релевантн* ясност* глубин* критери*",
        On.GRADER: "проверяющ* экзаменатор* оценщик* преподавател* учител* ассистент*", On.THIS: "эт* мо* данн*",
        On.TEXT: "эссе сочинен* ответ* текст* работ*", On.SECRET: "промпт* инструкц* рубрик* эталонн* критери*",
        On.REVEAL: "покаж* повтор* раскро* выведи* процитир* напиши* перечисли*",
        On.PRETEND: "ты_теперь теперь_ты вы_теперь отныне представь* притвор* с_этого_момента",
    },
    "uk": {
        On.PLEASE: "ласка прошу", On.EARLIER: "усі всі всіх попередн* кожн* вище",
        On.OVERRIDE: "ігнор* проігнор* забуд* відкин* не_зважай* не_враховуй*",
        On.INSTRUCTIONS: "інструкц* вказівк* критері* рубрик* правил* настанов*",
        On.GIVE: "постав* дай дайте вистав* признач* оціни* запиши* нарахуй*",
        On.TOP: "максим* найвищ* повн* найкращ* двадцять_пять сто 25 100",
        On.MARKS: "бал* оцінк* оцінок ясніст* глибин* критері*",
        On.GRADER: "екзаменатор* перевіря* викладач* оцінювач*", On.THIS: "це цю цей цього моя моє мій",
        On.TEXT: "есе твір твор* відповід* текст* робот*",
    },
    "tr": {
        On.TOP_MARK: "tam_puan en_iyi_not", On.PLEASE: "lutfen", On.EARLIER: "tum butun onceki her tumunu",
        On.OVERRIDE: "yok_say* gormezden* unut* dikkate_alma* goz_ardi* onemseme* bosver* birak uyma",
        On.INSTRUCTIONS: "talimat* yonerge* kriter* olcut* kural* rubrik* komut*",
        On.GIVE: "ver verin veriniz ata yaz yazin puanla* degerlendir* girin gir",
        On.TOP: "tam azami maksimum en_yuksek yuz yirmi_bes 25 100 en_iyi",
        On.MARKS: "puan* not notu notlar* boyut* netlik", On.GRADER: "degerlendirici* ogretmen* sinav* hoca*",
        On.THIS: "bu benim su", On.TEXT: "deneme* makale* kompozisyon* cevap* metin* yazi*",
        On.SECRET: "talimat* rubrik* model_cevap* sistem_komut*", On.REVEAL: "goster* tekrarla* yazdir* acikla* soyle*",
        On.PRETEND: "artik_sen sen_artik bundan_sonra bundan_boyle",
    },
    "id": {
        On.PLEASE: "tolong mohon", On.EARLIER: "semua sebelum* setiap di_atas",
        On.OVERRIDE: "abaikan lupakan hiraukan kesampingkan tidak_usah",
        On.INSTRUCTIONS: "instruksi perintah kriteria rubrik aturan petunjuk arahan panduan",
        On.GIVE: "beri berikan berilah tulis isi nilailah tetapkan",
        On.TOP: "maksimal maksimum penuh tertinggi sempurna seratus 25 100", On.MARKS: "nilai poin skor angka markah",
        On.GRADER: "penilai penguji pemeriksa", On.THIS: "ini saya", On.TEXT: "esai jawaban teks karangan",
    },
    "vi": {
        On.EARLIER: "moi tat_ca truoc tren", On.OVERRIDE: "bo_qua quen phot_lo",
        On.INSTRUCTIONS: "huong_dan chi_dan chi_thi tieu_chi quy_tac lenh", On.GIVE: "cho cham hay ghi",
        On.TOP: "toi_da tuyet_doi cao_nhat 25 100", On.MARKS: "diem", On.GRADER: "giam_khao nguoi_cham hay_cham",
        On.THIS: "nay toi", On.TEXT: "bai",
    },
    "el": {
        On.PLEASE: "παρακαλω", On.EARLIER: "ολες ολα ολους προηγουμεν* παραπανω καθε",
        On.OVERRIDE: "αγνοησ* ξεχασ* ξεχν* παραβλεψ*", On.INSTRUCTIONS: "οδηγι* κριτηρι* ρουμπρικ* κανον* εντολ*",
        On.GIVE: "δωσ* βαλ* βαθμολογησ* απονειμ* γραψ*", On.TOP: "μεγιστ* αριστ* πληρ* υψηλοτερ* εκατο 25 100 κορυφαι*",
        On.MARKS: "βαθμ* ποντ* σκορ μορι* σαφηνει*", On.GRADER: "βαθμολογητ* εξεταστ* αξιολογητ*", On.THIS: "αυτ* μου",
        On.TEXT: "εκθεσ* κειμεν* απαντησ* δοκιμι* γραπτ*",
    },
    "hu": {
        On.PLEASE: "kerlek kerem", On.EARLIER: "minden korabbi elozo osszes eddigi fenti",
        On.OVERRIDE: "hagyd_figyelmen figyelmen_kivul felejtsd felejtse mellozd hagyja_figyelmen",
        On.INSTRUCTIONS: "utasitas* szempont* ertekelesi* szabaly* utmutato*",
        On.GIVE: "adj adjon adjal ird irja ertekeld",
        On.TOP: "maximal* maximum teljes legmagasabb legjobb szaz huszonot 25 100",
        On.MARKS: "pont* osztalyzat* jegy* ertekeles*", On.GRADER: "ertekelo* vizsgaztato* javito* tanar*",
        On.THIS: "ez ezt ennek erre", On.TEXT: "essze* szoveg* dolgozat* valasz*",
    },
    "fi": {
        On.PLEASE: "ole_hyva pyydan", On.EARLIER: "kaikki kaikis* aiem* edelli* joka",
        On.OVERRIDE: "unohda unohtakaa jata_huomiotta jata_huomioimatta sivuuta ala_valita huomiotta",
        On.INSTRUCTIONS: "ohje* kriteer* arviointi* saanno* saantoj*",
        On.GIVE: "anna antakaa merkitse kirjaa arvioi myonna",
        On.TOP: "taysi taydet tayde* maksimi* korkein parhaa* sata 25 100 korkeimm*",
        On.MARKS: "piste* arvosan* arvio* selkey*", On.GRADER: "arvioija* tarkasta* opettaja*",
        On.THIS: "tama taman talle", On.TEXT: "essee* teksti* vastau* kirjoitel*",
    },
}  # fmt: skip
