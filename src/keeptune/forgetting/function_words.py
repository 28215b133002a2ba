"""Function words by language: short words that names and terms are not made of."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = {
    "English": _words(
        """
        the an of to and in is are was were be been it its this that these those for on with as by at from or not
        but they he she we you his her their which who what there have has had will would can could do does what how
        because
        all no if so when about over than into
        """
    ),
    "German": _words(
        """
        der die das den dem des ein eine einen einem einer und ist sind war waren wird werden nicht es er sie wir
        ihr sich auf für mit von zu zum zur im am als auch aber oder wie wenn dass daß hat haben aus bei nach über
        """
    ),
    "French": _words(
        """
        le la les un une des du de et est sont était étaient il elle ils elles nous vous ce cette ces dans pour sur
        avec par qui que ne pas plus se au aux mais ou où ont été son sa ses leur je qu
        """
    ),
    "Spanish": _words(
        """
        el la los las un una unos unas de del es son era eran fue en por para con que no se su sus al lo como más
        pero este esta estos estas está están ha han muy él ella nosotros yo le les ser
        """
    ),
    "Italian": _words(
        """
        il lo la gli le un una uno di del della dei delle è sono era erano in nel nella per con che non si su sul
        sulla al alla ma questo questa questi come più ha hanno da dal dalla ci lui lei noi io essere
        """
    ),
    "Portuguese": _words(
        """
        os as um uma uns umas de do da dos das é são era eram foi em no na nos nas por para com que não se seu sua
        ao à mas ou este esta isso como mais tem têm ele ela nós eu muito ser está pelo pela
        """
    ),
    "Dutch": _words(
        """
        de het een en is zijn was waren in op aan van voor met dat die niet er ze hij zij wij je ik om te ook maar
        of als bij naar uit door over heeft hebben wordt worden dit deze wat nog dan
        """
    ),
    "Swedish": _words(
        """
        och är en ett det den de på av för med som inte till att har hade om han hon vi jag du sig men eller
        från vid kan ska så också denna detta blir under mellan
        """
    ),
    "Danish": _words(
        """
        og er en et det den de på af med som ikke til at har havde om han hun vi jeg du sig men eller fra
        ved kan skal så også denne dette bliver under mellem
        """
    ),
    "Polish": _words(
        """
        na do jest są był była było nie się że to jak dla po od za przez przy który która które ale lub oraz tym
        tego ten ta te jego jej ich ma być może
        """
    ),
    "Czech": _words(
        """
        na do je jsou byl byla bylo se že to jak pro po od za přes při který která které ale nebo tím toho ten ta
        jeho její jejich má být může není
        """
    ),
    "Romanian": _words(
        """
        și este sunt era erau în la cu de pe din pentru că nu se un al ai ale lui ei care ce mai dar sau acest
        această fost fi sa său prin după ca am are
        """
    ),
    "Turkish": _words(
        """
        ve bir bu da de için ile olarak olan çok daha ne şu gibi kadar sonra ama veya değil var yok mi mı en her ki
        ise olduğu tarafından
        """
    ),
    "Indonesian": _words(
        """
        yang dan di ke dari ini itu untuk dengan adalah pada tidak akan dalam oleh sebagai juga atau ada bisa karena
        saya dia mereka kami telah
        """
    ),
    "Vietnamese": _words(
        """
        là và của có không một những các được cho trong này đó với người để đã ở về khi từ như nhưng
        """
    ),
    "Finnish": _words(
        """
        ja on ei se että oli ovat olivat hän he ne tämä mutta tai kun joka jotka myös kuin ole ollut voi sen
        """
    ),
    "Hungarian": _words(
        """
        az és egy is nem hogy ez van volt vagy de meg csak már mint ha még el ki volna lesz
        """
    ),
}
"""By themselves they tell little ("de" is a word in eight languages); two and more of one language do. Single letters
are left out: in code, formulas and lists they are no words. Nor are "for" and "var" taken for Danish."""

ALL_FUNCTION_WORDS = frozenset[str]().union(*FUNCTION_WORDS.values())
