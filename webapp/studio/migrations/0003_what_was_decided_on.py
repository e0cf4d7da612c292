from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def by_the_clock(apps: Any, schema_editor: Any) -> None:
    """Decisions stood where their owners had said nothing since then."""
    predictions = apps.get_model("predictions", "Prediction").objects.filter(pk=OuterRef("prediction"))
    heard = predictions.filter(corrected_at__lte=OuterRef("decided_at")).values("corrected_at")
    apps.get_model("studio", "Review").objects.update(said_at=Subquery(heard))


class Migration(migrations.Migration):

    dependencies = [
        ("predictions", "0006_corrections"),
        ("studio", "0002_the_studio"),
    ]

    operations = [
        migrations.AddField(
            model_name="review",
            name="said_at",
            field=models.DateTimeField(
                blank=True, null=True, verbose_name="decided on what was said at"
            ),
        ),
        migrations.RunPython(by_the_clock, migrations.RunPython.noop),
    ]
