using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling;

public sealed class SchedulerConfigTests
{
    [Fact]
    public void A_models_config_is_read_with_the_keys_that_it_has()
    {
        SchedulerConfig config = SchedulerConfig.Load(Path.Combine(Repository.DemoModel, "scheduler", "scheduler_config.json"));

        Assert.Equal("DDIMScheduler", config.ClassName);
        Assert.Contains("steps_offset", config.Keys);
        Assert.DoesNotContain("trained_betas", config.Keys);
        Assert.DoesNotContain("use_karras_sigmas", config.Keys);
    }

    [Fact]
    public void The_infinities_that_Python_writes_are_read()
    {
        SchedulerConfig config = SchedulerConfig.Parse(
            """{ "_class_name": "DPMSolverMultistepScheduler", "_note": "Infinity \" NaN", "lambda_min_clipped": -Infinity, "solver_order": 2 }""");

        Assert.Contains("lambda_min_clipped", config.Keys);
        Assert.Equal(20, SchedulerCatalog.Create(SchedulerCatalog.Default(config), config, 20).Steps);
    }

    [Theory]
    [InlineData("""{ "beta_schedule": "wavy" }""", "beta_schedule", "scaled_linear")]
    [InlineData("""{ "beta_start": "0.1" }""", "beta_start", "a number")]
    [InlineData("""{ "beta_start": -Infinity }""", "beta_start", "a number")]
    [InlineData("""{ "num_train_timesteps": 12.5 }""", "num_train_timesteps", "a whole number")]
    [InlineData("""{ "clip_sample": "false" }""", "clip_sample", "true or false")]
    [InlineData("""{ "trained_betas": [0.1, "x"] }""", "trained_betas", "a list of numbers")]
    [InlineData("""{ "prediction_type": 3 }""", "prediction_type", "v_prediction")]
    [InlineData("""{ "_class_name": 3 }""", "_class_name", "name")]
    public void A_wrong_value_is_named_with_its_key(string json, string key, string expected)
    {
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => SchedulerConfig.Parse(json));

        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(11)]
    public void Betas_are_as_many_as_the_timesteps(int count)
    {
        SchedulerConfig config = SchedulerConfig.Parse($$"""{ "num_train_timesteps": 10, "trained_betas": [{{string.Join(',', Enumerable.Repeat("0.1", count))}}] }""");

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => SchedulerCatalog.Create(SchedulerCatalog.Find("DDIMScheduler"), config, 2));

        Assert.Contains($"trained_betas has {count} values, and num_train_timesteps is 10", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{ \"beta_start\": ")]
    [InlineData("")]
    public void Text_that_is_no_JSON_object_is_invalid(string json)
    {
        Assert.Throws<ModelInvalidException>(() => SchedulerConfig.Parse(json));
    }

    [Fact]
    public void Words_that_only_another_scheduler_knows_give_way_to_the_default()
    {
        SchedulerConfig config = SchedulerConfig.Parse("""{ "solver_type": "bh2", "algorithm_type": "deis" }""");
        Scheduler scheduler = SchedulerCatalog.Create(SchedulerCatalog.Find("DPMSolverMultistepScheduler"), config, 20);

        Assert.Equal(0, scheduler.Sigmas[^1]);
    }

    [Fact]
    public void A_file_that_is_missing_is_not_found()
    {
        ModelNotFoundException error = Assert.Throws<ModelNotFoundException>(() => SchedulerConfig.Load(Path.Combine(Repository.Root, "nowhere", "scheduler_config.json")));
        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
    }
}
