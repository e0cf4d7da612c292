from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_api_key'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='leaving_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='leaving since'),
        ),
        migrations.CreateModel(
            name='Attempts',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=20, verbose_name='what')),
                ('who', models.CharField(max_length=64, verbose_name='who, as a keyed hash')),
                ('begins_at', models.DateTimeField(db_index=True, verbose_name='since')),
                ('number', models.PositiveIntegerField(default=0, verbose_name='number')),
            ],
            options={
                'verbose_name': 'attempts',
                'verbose_name_plural': 'attempts',
                'constraints': [models.UniqueConstraint(fields=('kind', 'who'), name='one_count_of_attempts')],
            },
        ),
    ]
