from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('predictions', '0003_removed_pictures'),
        ('recognizers', '0002_preload'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='prediction',
            name='deleted_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='deleted at'),
        ),
        migrations.AddField(
            model_name='prediction',
            name='deletion',
            field=models.UUIDField(blank=True, editable=False, null=True, verbose_name='deletion'),
        ),
        migrations.RemoveIndex(model_name='prediction', name='prediction_history'),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['owner', '-created_at', '-id', 'confidence', 'label', 'file_name'], name='prediction_newest'),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['owner', 'label', '-created_at', '-id', 'confidence', 'version', 'recognizer'], name='prediction_label'),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['owner', 'recognizer', '-created_at', '-id', 'confidence'], name='prediction_recognizer'),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['owner', 'version', '-created_at', '-id', 'confidence'], name='prediction_version'),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deleted_at', None), models.Q(('state', 'done'), _negated=True)), fields=['owner', 'state', '-created_at', '-id', 'recognizer'], name='prediction_not_done'),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deletion__isnull', False)), fields=['owner', 'deletion'], name='prediction_deletion'),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deletion__isnull', False)), fields=['deleted_at'], name='prediction_deleted'),
        ),
        migrations.AddIndex(
            model_name='prediction',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False), ('deletion', None)), fields=['id'], name='prediction_sealed'),
        ),
    ]
