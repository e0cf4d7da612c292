import django.db.models.deletion
import django.utils.timezone
import uuid
import webapp.webhooks.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='public id')),
                ('url', models.CharField(max_length=2000, verbose_name='address')),
                ('secret', models.CharField(default=webapp.webhooks.models.new_secret, editable=False, max_length=64, verbose_name='secret')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created at')),
                ('claim', models.UUIDField(blank=True, editable=False, null=True, verbose_name='claim')),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True, verbose_name='lease expires at')),
                ('served_at', models.DateTimeField(blank=True, null=True, verbose_name='last served at')),
                ('num_failures', models.PositiveIntegerField(default=0, verbose_name='failed tries in a row')),
                ('rests_until', models.DateTimeField(blank=True, null=True, verbose_name='rests until')),
                ('num_given_up', models.PositiveIntegerField(default=0, verbose_name='deliveries given up in a row')),
                ('paused_at', models.DateTimeField(blank=True, null=True, verbose_name='paused at')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
            ],
            options={
                'verbose_name': 'webhook',
                'verbose_name_plural': 'webhooks',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name='public id')),
                ('prediction', models.UUIDField(blank=True, null=True, verbose_name='prediction')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created at')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('delivered', 'delivered'), ('dropped', 'dropped'), ('given_up', 'given up')], default='waiting', max_length=10, verbose_name='state')),
                ('num_tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='due at')),
                ('tried_at', models.DateTimeField(blank=True, null=True, verbose_name='last tried at')),
                ('status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='status of the answer')),
                ('failure_code', models.CharField(blank=True, max_length=40, verbose_name='failure')),
                ('failure_params', models.JSONField(blank=True, default=dict, verbose_name="failure's figures")),
                ('webhook', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='webhooks.webhook', verbose_name='webhook')),
            ],
            options={
                'verbose_name': 'delivery',
                'verbose_name_plural': 'deliveries',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['webhook', 'due_at'], name='delivery_waiting'), models.Index(fields=['webhook', '-id'], name='delivery_newest'), models.Index(fields=['created_at'], name='delivery_created')],
                'constraints': [models.UniqueConstraint(fields=('webhook', 'prediction'), name='one_delivery_per_prediction'), models.UniqueConstraint(condition=models.Q(('prediction', None), ('state', 'waiting')), fields=('webhook',), name='one_test_at_a_time')],
            },
        ),
    ]
