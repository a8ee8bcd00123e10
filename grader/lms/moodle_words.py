"""Moodle's own words in the languages whose grading worksheets are recognised.

Source: Moodle's language packs (`assign`, `moodle` and `assignfeedback_comments` of 4.x). Moodle compares the
headers of an uploaded worksheet with these, letter by letter, in the language of whoever uploads it
(https://github.com/moodle/moodle, mod/assign/feedback/offline/importgradeslib.php).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """Headers of one language, and the word for "yes". Without an own word, a pack shows the English one."""

    id: str
    grade: str
    modified: str  # of the grade
    name: str
    group: str
    maximum: str
    scale: str
    changeable: str
    comments: str
    workflow: str
    yes: str


LANGUAGES: Mapping[str, Words] = {
    "en": Words("Identifier", "Grade", "Last modified (grade)", "Full name", "Group", "Maximum grade", "Scale",
                "Grade can be changed", "Feedback comments", "Marking workflow state", "Yes"),
    "de": Words("ID", "Bewertung", "Zuletzt geändert (Bewertung)", "Vollständiger Name", "Gruppe", "Bestwertung",
                "Skala", "Bewertung kann geändert werden", "Feedback als Kommentar",
                "Status des Bewertungsworkflows", "Ja"),
    "ko": Words("식별자", "성적", "마지막 수정됨(성적)", "전체 이름", "그룹", "최대 성적", "척도",
                "Grade can be changed", "피드백 코멘트", "표시 진행 상태", "예"),
    "fr": Words("Identifiant", "Note", "Dernière modification (note)", "Nom complet", "Groupe", "Note maximale",
                "Barème", "La note peut être modifiée", "Feedback par commentaires",
                "Statut du flux d’évaluation", "Oui"),
    "es": Words("Identificador", "Calificación", "Última modificación (calificación)", "Nombre completo", "Grupo",
                "Calificación máxima", "Escala", "La calificación puede ser cambiada",
                "Comentarios de retroalimentación", "Estado del workflow (flujo de trabajo) de calificaciones",
                "Sí"),
    "ja": Words("ID", "評点", "最終更新日時 (評定)", "フルネーム", "グループ", "最大評点", "評価尺度",
                "評点変更可", "フィードバックコメント", "採点ワークフローステータス", "Yes"),
}  # fmt: skip
OTHER_MAXIMUMS = ("Maximum Grade", "Beste Bewertung")  # of older packs


@dataclass(frozen=True)
class Columns:
    """Where things stand in a worksheet. None: there is no such column."""

    id: int
    grade: int
    language: str = ""  # "": none of those above
    modified: int | None = None
    name: int | None = None
    group: int | None = None
    maximum: int | None = None
    scale: int | None = None
    changeable: int | None = None
    comments: int | None = None
    workflow: int | None = None
    yes: frozenset[str] = field(default=frozenset())


def recognised(headers: Sequence[str]) -> Columns | None:
    """The columns of a worksheet in a language that is known; None in any other."""
    english = LANGUAGES["en"]
    for language, own in LANGUAGES.items():
        if not {own.id, own.grade, own.modified} <= set(headers):
            continue

        def at(*names: str) -> int | None:
            return next((headers.index(name) for name in names if name in headers), None)

        return Columns(
            id=headers.index(own.id),
            grade=headers.index(own.grade),
            language=language,
            modified=headers.index(own.modified),
            name=at(own.name, english.name),
            group=at(own.group, english.group),
            maximum=at(own.maximum, english.maximum, *OTHER_MAXIMUMS),
            scale=at(own.scale, english.scale),
            changeable=at(own.changeable, english.changeable),
            comments=at(own.comments, english.comments),
            workflow=at(own.workflow, english.workflow),
            yes=frozenset((own.yes, english.yes)),
        )
    return None


def count(headers: Sequence[str]) -> int:
    """How many of these are headers of a worksheet in some language."""
    known = {word for own in LANGUAGES.values() for word in vars(own).values()}
    return sum(header in known for header in headers)
