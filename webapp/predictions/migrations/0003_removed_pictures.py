from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('predictions', '0002_answers_with_reasons'),
    ]

    operations = [
        migrations.CreateModel(
            name='RemovedPicture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('picture_name', models.CharField(max_length=100, unique=True, verbose_name='kept picture')),
            ],
            options={
                'verbose_name': 'removed picture',
                'verbose_name_plural': 'removed pictures',
            },
        ),
    ]
