from typing import Any

from django.db import migrations, models


def nobody_was_asked(apps: Any, schema_editor: Any) -> None:
    """Until now a promotion without a name was told as one that nobody had asked for."""
    apps.get_model("recognizers", "Promotion").objects.filter(by=None).update(is_automatic=True)


class Migration(migrations.Migration):
    dependencies = [("recognizers", "0003_access_and_log")]

    operations = [
        migrations.AddField(
            model_name="promotion",
            name="is_automatic",
            field=models.BooleanField(default=False, verbose_name="by itself"),
        ),
        migrations.RunPython(nobody_was_asked, migrations.RunPython.noop),
    ]
