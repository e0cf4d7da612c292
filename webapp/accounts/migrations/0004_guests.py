import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_leaving_and_attempts'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='became',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='became'),
        ),
        migrations.AddField(
            model_name='user',
            name='guest_key',
            field=models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True, verbose_name="guest's marker"),
        ),
        migrations.AddField(
            model_name='user',
            name='is_guest',
            field=models.BooleanField(default=False, editable=False, verbose_name='guest'),
        ),
        migrations.AddField(
            model_name='user',
            name='seen_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last seen'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(condition=models.Q(('is_guest', True)), fields=['seen_at'], name='user_guest_seen'),
        ),
    ]
