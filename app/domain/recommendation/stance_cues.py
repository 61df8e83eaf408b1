"""The English words by which a stance is known: those that begin or end what is refused or held, and those that look
like it and are none."""

import re

# Negations and the like that refuse nothing.
_HARMLESS = r"""
    \bnot \s (?:only|just|merely|sure|certain|yet|so \s much|bad|afraid|too|an? \s \w+(?:er|or|ist|yst|ian|ant)\b
      (?! \s (?:person|type|fan|guy)\b))
  | \bno \s (?:\w+ \s)? (?:experience|idea|clue|knowledge|problem|matter|background|doubt|time|one|wonder)\b
  | \bno \s longer \s (?:be|feel|have|depend)\b
  | \bnone\b | \bwithout \s (?:help|asking|calling|fear|problems?|doubt|fail)\b
  | \bnothing \s (?:but|beats|like|better|would|\w+s \s (?:me|us) \s (?:more|as|so))\b
  | \b(?:can(?:no|['’]|\sno)?t|never|not) \s (?:\w+ \s){0,2} enough\b | \bwhy \s not\b
  | \b(?:do|would) (?: \s not|n['’]?t) \s mind\b | \bnot \s that \s (?:i|we) \s \w+
  | \b(?:do|does) (?: \s not|n['’]?t) \s (?:care|matter) \s (?:whether|which|if|what|how|where|who)\b
  | \bwithout\b (?= [^,.;]* \b(?:won['’]?t|can(?:no|['’])t|nothing|nobody)\b ) | \bnothing \s (?:i|we)['’]d\b
  | \bno \s \w+ \s (?:is|are|was|were|can|will)\b
"""
_WANT = r"(?:want|wish|need|like|care|enjoy|plan|intend|prefer|fancy|expect)"
_DO = r"(?:have \s to|do|take|touch|recommend|give|show|send|suggest|offer|waste|bother|sit|go|come|spend|buy|bring)"
_ME = r"(?:me|us|my \s \w+|our \s \w+)"
# What follows is refused.
_REFUSES = rf"""
    \b(?:do|does|did|would|will|should|shall) (?: \s not|n['’]?t) \s (?:really\s|even\s|ever\s|actually\s|also\s)*
      (?:{_WANT}|{_DO})\b (?: \s (?:to|for|about|near|through|with)\b)*
  | \bwon['’]?t \s (?:be \s)? (?:{_WANT}|{_DO}|touching|doing|taking|needing)\b
      (?: \s (?:to|for|about|near|through|with)\b)*
  | \bnever (?: \s (?:want|wish|like|touch|see|again)\b)+ (?: \s to\b)?
  | \b(?:no|nothing|zero|little) \s
      (?:more|further|other|need|wish|desire|interest|use|appetite|intention|plans?|patience|way)\b
      (?: \s (?:whatsoever|at \s all)\b)? (?: \s (?:of|for|to|in|with|i|we|that)\b)*
  | \bnothing\b (?: \s (?:on|with|about|around|in|from|by|to \s do \s with)\b)?
  | \b(?:instead|in \s place) \s of\b | \brather \s than\b | \b(?:rather|prefer(?:ably)?) \s not\b
  | \b(?:anything|everything|all|any \s \w+|every \s \w+) \s (?:but|except|bar)\b
  | \bexcept (?:ing)? (?: \s for)?\b | \bother \s than\b
  | \b(?:apart|aside) \s from\b | \bminus\b | \bwithout\b | \b(?:avoid|skip|exclud)(?:ing|e)?\b | \bsave \s for\b
  | \b(?:let['’]?s|please) \s (?:skip|forget|drop|leave)\b | \bforget \s (?:about\b)?
  | \b(?:keep|stay|steer|get|run|shy) \b (?: \s (?:me|us|well))? \s (?:away|clear) \s (?:from|of)\b
  | \bleav(?:e|ing)\b (?= .* \b(?:behind|out|aside|alone|away)\b) | (?<!is\s) \bleft\b (?=\s(?-i:[A-Z]))
  | \b(?:done|through|finished) \s with\b | \bhad \s it \s with\b
  | \b(?:tired|sick|weary|sceptical|skeptical|suspicious) (?: \s to \s death)? \s of\b
  | \bfed \s up \s with\b | \ballergic \s to\b
  | \benough (?: \s of\b|\s(?=(?-i:[A-Z])))
  | \bbored \s (?:of|with|by)\b | \b(?:hate|dislike|detest|loathe|despise|dread)d?\b
      (?: \s to \s (?:do|take|see|learn|sit \s through|go \s through|have|get)\b)?
  | \bcan(?:no|['’]|\sno)?t \s (?:stand|bear|face|stomach|abide)\b | \b(?:could|can) \s (?:do|live) \s without\b
  | \b(?:decided|voted|am|is|are) \s against\b
  | \b(?:that|which) (?: \s (?:do|does) \s not|\s (?:do|does)n['’]?t) \s (?:involve|need|require|use|include|contain)\b
  | \b(?:refuse|decline) \s to\b | \bless \s (?=(?-i:[A-Z])) | \bnot \s an? \s (?=\w+ \s (?:person|type|guy)\b)
  | \b(?:threw|throw|throwing|kick(?:ed|ing)?|cut) \s (?=[^.]{{0,60}}\bout\b)
  | \b(?:that|which|it) (?: \s is \s not|\s isn['’]?t | \s not \s be | \s are \s not | \s aren['’]?t)\b
  | \b(?:do|does) (?: \s not|n['’]?t) \s (?:think|believe|feel) \s (?:that \s)? (?:i|we) \s (?:want|need)\b
  | \bneither\b
  | \b(?:i|we) \s (?:do \s not|don['’]?t) \s get \s (?:on|along) \s with\b
  | \bspare \s (?:me|us)\b | \bhad \s (?:my|our) \s fill \s of\b
  | \b(?:mov(?:e|ed|ing)|switch(?:ed|ing)?|migrat(?:e|ed|ing)) \s (?:away \s from|off|on \s from)\b
  | \b(?:dropped|ditched|abandoned|(?:gave|given) \s up (?: \s on)?|got \s rid \s of)\b
  | \bnot \s (?:(?:at \s all|really|so|very|that|particularly|much) \s)*
      (?:interested|keen|fond|into|a \s (?:big \s)? fan|another|again|any|going \s to|willing \s to|here \s for
        |looking \s for)\b
      (?: \s (?:in|on|of)\b)?
  | (?: (?<=[,;:(–—-]\s) | (?<=[,;:(–—-]) | (?<=^) | (?<=\bbut\s) | (?<=\band\s) | (?<=\bor\s) | (?<=\bplease\s)
      | (?<=\bcertainly\s) | (?<=\bdefinitely\s) | (?<=\bpreferably\s) | (?<=\babsolutely\s)
      | (?<=\bso\s) | (?<=\bthen\s) | (?<=ly\s)
      | (?<=\bmaybe\s) | (?<=\bjust\s) | (?<=\bwant\s) | (?<=\bwith\s) ) not?\b (?! \s*[.,;!?]) (?! \s*$)
"""
# What comes before is refused.
_REFUSED = rf"""
    \b(?:is|are|was|were|am) (?: \s not|n['’]t|nt) \s (?:really\s|quite\s|at \s all\s)?
      (?:for \s (?:me|us)|what \s (?:i|we)\b (?:\s\w+)?
        |interesting|my \s \w+|our \s \w+|something \s (?:i|we)\b.*
        |needed|wanted|necessary|relevant|on \s the \s table|worth\b.*)
  | \b(?:is|are) \s of \s (?:no|little) \s (?:interest|use)\b (?: \s (?:to|for) \s {_ME}\b)?
  | \b(?:is|are) \s (?:a \s)? (?:over-?(?:hyped|rated)|pointless|useless|boring|dull|off \s the \s table
        |out \s of \s the \s question|no-go|unnecessary|wasted \s on \s {_ME})\b
  | \b(?:do|does|did|will|would|could) (?: \s not|n['’]?t) \s (?:really \s|exactly \s|particularly \s)?
      (?:interest|appeal|excite|attract|tempt|thrill|suit|grab|concern)\b (?: \s to\b)? (?: \s {_ME}\b)?
  | \b(?:leaves?|left) \s (?:me|us) \s cold\b | \bdo(?:es)? \s nothing \s for \s {_ME}\b | \bputs? \s (?:me|us) \s off\b
  | \b(?:is|are|would \s be|seems?) \s (?:far \s|just \s)?
      (?:too \s \w+ (?: \s and \s \w+)? (?= \s for\b)|overkill|an? \s waste\b (?: \s of \s \w+)?|nothing (?= \s for\b))
      (?: \s for \s [^,.;]+)?
  | \b(?:i|we) (?:['’]d|\s would|['’]ll|\s will|\s can)? \s leave \s (?:it \s|that \s)? to \s (?:the \s)? \w+
  | \b(?:can|may|has \s to|must) \s wait\b | \bunder \s no \s circumstances\b | \bnot \s ever\b | ,? \s never \s again\b
  | \b(?:goes|is|are|go) \s over \s my \s head\b
  | \bgives? \s (?:me|us) \s (?:a \s|the \s)? (?:headaches?|nightmares?|creeps)\b
  | \b(?:is|are) \s (?:some(?:body|one) \s else|other \s people|another \s team|a \s colleague)['’]s\b (?: \s \w+)?
  | \b(?:stays?|remains?) \s (?:out\b (?: \s of \s \w+)?|outside|away)
  | \b(?:bores?|annoys?|irritates?|frustrates?|repels?|exhausts?|disgusts?) \s (?:me|us)\b
  | (?:^|,?\s) no,? \s thank(?:s|\s you)\b | (?:^|[:,–—-]?\s) no (?=\s*(?:[.,;!]|$))
"""
_FINISHED = (
    r"(?:finished|completed|passed|done|taken|taught|attended|earned|obtained|acquired|gained|got|received|sat|cleared"
    r"|aced|nailed|wrapped\sup|ticked\soff)"
)
# What follows is held.
_HOLDS = rf"""
    \b(?:i|we) (?:['’]ve|\s have|\s had)? (?: \s (?:already|just|also|recently|even|successfully|once))*
      \s (?:{_FINISHED}|did|took|hold|own|have \s got)\b
      (?! \s (?:to|with|not|n['’]t|no|none|nothing|neither|rid|along|stuck|off|bored|tired)\b) (?: \s my\b)?
  | \b(?:i|we) \s already \s (?:have|know|use|master|hold|work \s with)\b
  | \balready \s (?:{_FINISHED}|have|hold|know|did|took)\b
  | (?<=^)(?:already\s)? (?:finished|completed|passed|done|taken|attended|earned|obtained|got \s my|hold|holder \s of)\b
    (?! \s with\b)
  | \b(?:after|by) \s (?:passing|finishing|completing|taking|doing|earning|attending|getting)\b
  | \b(?:i|we) (?: \s (?:already|have|once|just))* \s (?:went|gone|worked) \s through\b | \band \s hold\b
  | \bhaving \s {_FINISHED}\b | \bbeen \s certified \s (?:in|as)\b
  | \bi \s have \s (?=(?:an?|the|my)\b[^.]{{0,60}}\b(?:certificat|badge|diploma))
  | \b(?:i|we) \s know \s (?=\w[^.,;]{{0,60}}\s(?:well|inside\sout|by\sheart|already)\b)
  | \b(?:i|we) (?:['’]ve|\s have) \s already\b | \b(?:i['’]m|i \s am) \s already \s certified \s (?:in|as)\b
  | \bbeen \s there (?: ,? \s done \s that)?
"""
# What comes before is held.
_HELD = rf"""
    [,(:–—-] \s? (?:already\s|i\s)? {_FINISHED}\b (?! \s with\b)
  | \b(?:i|we) \s (?:already\s)? (?:know|have|hold|had|did|passed|finished|took|use)
    \s (?:well|already|by \s heart|inside \s out)\b
  | \b(?:i|we) \s have \s (?:the|that|this) \s (?:certificate|certification|badge|exam|one)\b (?:\s (?:already|now))?
  | \bi \s can \s (?:do\s)? in \s my \s sleep\b
  | \b(?:is|are) \s from \s (?:19|20)\d\d\b
  | \b(?:is|are) \s (?:already\s)? (?:done|behind \s me|finished|sorted|ticked \s off|out \s of \s the \s way)\b
  | \b(?:is|are) \s (?:what|all) \s (?:i|we) \s do \s
      (?:all \s day|every \s day|for \s a \s living|at \s work|already|anyway)\b
  | \b(?:still \s counts?|(?:is|are) \s still \s valid
      |(?:was|were) \s my \s (?:first|last|previous)\b (?: \s \w+)?|hangs? \s (?=on\s))\b
  | \b(?:in \s (?:my \s pocket|the \s bag)
      |under \s my \s belt|(?:on|in) \s my \s (?:wall|cv|résumé|profile)|to \s my \s name)\b
"""
# Here a wish begins again.
_RESETS = r"""
    [,;:–—] \s? (?:and\s|but\s|so\s|now\s|then\s)*
    (?=(?:i|we|i['’]d|i['’]m|we['’]d|my|our|rather|just|only|give|please|now|next|instead)\b)
  | ,? \s \b(?:though|although|as \s long \s as|provided)\b
  | ,? \s \b(?:but|however)\b (?: \s rather\b)? | , \s (?:so|yet|now|next)\b
  | \band \s (?=(?:i|we|i['’]d|i['’]m|would|want|need|am|now|prefer|rather|instead|then|only)\b)
  | \band \s more\b
  | \b(?:i|we) (?:['’]d|\s would)? \s (?:want|like|love|need|prefer|hope|wish|am \s looking)\b (?! \s no[tn]\b)
  | \bi['’]d \s rather \s (?!not\b)
"""
# Between two things, the second of which is refused if words before say that it is a choice.
_VERSUS = r"\b(?:than|over|to)\b"
CUE = re.compile(
    rf"""(?P<harmless>{_HARMLESS}) | (?P<refused>{_REFUSED}) | (?P<refuses>{_REFUSES}) | (?P<holds>{_HOLDS})
       | (?P<held>{_HELD}) | (?P<resets>{_RESETS}) | (?P<versus>{_VERSUS}) | (?P<comma>[,;:])""",
    re.IGNORECASE | re.VERBOSE,
)
# A choice is short; looking further back would take long in a long text.
_CHOICE_LENGTH = 120
_CHOICE = re.compile(
    r"""\b(?:rather|sooner) \s (?!not\b|than\b) [^,;:]+ \s than$
      | \b(?:pick|choose|prefer|favou?r|go \s for|opt \s for)(?:e?s|r?ed|r?ing)?\b [^,;:]+ \s over$
      | \b(?:take|want|like|have|do|learn)\b [^,;:]+ \s over$ (?P<name>)
      | \bprefer(?:s|red)? \s (?!to\b) [^,;:]+ \s to$""",
    re.IGNORECASE | re.VERBOSE,
)


def is_choice(before: str, after: str) -> bool:
    """Whether a sentence chooses what comes before "than", "over" or "to", with which `before` ends: "rather Go than
    Java". After some verbs "over" is a choice between names alone: "take over a team" is none."""
    choice = _CHOICE.search(before[-_CHOICE_LENGTH:])
    return choice is not None and (choice["name"] is None or after.lstrip()[:1].isupper())
