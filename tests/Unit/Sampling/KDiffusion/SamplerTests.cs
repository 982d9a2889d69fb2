using StableDiffusion.Noise;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling.KDiffusion;

public sealed class SamplerTests
{
    private static readonly SchedulerConfig s_empty = SchedulerConfig.Parse("{}");

    [Theory]
    [InlineData("Euler", "uniform", false)]
    [InlineData("Euler a", "uniform", false)]
    [InlineData("LMS", "uniform", false)]
    [InlineData("Heun", "uniform", false)]
    [InlineData("DPM2", "karras", true)]
    [InlineData("DPM2 a", "karras", true)]
    [InlineData("DPM++ 2S a", "karras", false)]
    [InlineData("DPM++ SDE", "karras", false)]
    [InlineData("DPM++ 2M", "karras", false)]
    [InlineData("DPM++ 2M SDE", "exponential", false)]
    [InlineData("DPM++ 2M SDE Heun", "exponential", false)]
    [InlineData("DPM++ 3M SDE", "exponential", true)]
    public void The_schedule_by_itself_is_the_one_that_A1111_chooses(string name, string schedule, bool discards)
    {
        Scheduler expected = Create("A1111 Euler", 12, ("schedule", schedule), ("discard_next_to_last_sigma", discards));

        Assert.Equal(expected.Sigmas, Create("A1111 " + name, 12).Sigmas);
        Assert.Equal(Create("A1111 Euler", 12, ("schedule", "exponential"), ("discard_next_to_last_sigma", discards)).Sigmas, Create($"A1111 {name} Exponential", 12).Sigmas);
    }

    [Theory]
    [InlineData("DPM++ 2M Karras", "DPM++ 2M Karras", "DPMSolverMultistepScheduler")]
    [InlineData("A1111 DPM++ 2M Karras", "A1111 DPM++ 2M Karras", "sample_dpmpp_2m")]
    [InlineData("a1111_dpmpp_2m_karras", "A1111 DPM++ 2M Karras", "sample_dpmpp_2m")]
    [InlineData("a1111-euler-ancestral", "A1111 Euler a", "sample_euler_ancestral")]
    [InlineData("k_euler_a", "Euler a", "EulerAncestralDiscreteScheduler")]
    [InlineData("DPM++ SDE", "DPM++ SDE", "sample_dpmpp_sde")]
    [InlineData("DPM++ SDE Karras", "DPM++ SDE Karras", "sample_dpmpp_sde")]
    [InlineData("dpmpp_sde", "DPM++ SDE", "sample_dpmpp_sde")]
    [InlineData("k_dpmpp_sde", "DPM++ SDE", "sample_dpmpp_sde")]
    [InlineData("A1111 DPM++ SDE", "DPM++ SDE", "sample_dpmpp_sde")]
    [InlineData("dpmpp_2s_ancestral", "DPM++ 2S a", "sample_dpmpp_2s_ancestral")]
    [InlineData("k_dpmpp_2s_a", "DPM++ 2S a", "sample_dpmpp_2s_ancestral")]
    [InlineData("DPM++ 2M SDE Heun Exponential", "DPM++ 2M SDE Heun Exponential", "sample_dpmpp_2m_sde")]
    public void Names_that_both_worlds_have_are_diffusers_and_A1111s_with_its_name_before(string name, string expected, string className)
    {
        SchedulerInfo info = SchedulerCatalog.Find(name);

        Assert.Equal(expected, info.Name);
        Assert.Equal(className, info.ClassName);
    }

    [Theory]
    [InlineData("A1111 Euler", 0, 19)]
    [InlineData("A1111 Euler", 0.05, 18)]
    [InlineData("A1111 Euler", 0.75, 4)]
    [InlineData("A1111 Euler", 1, 0)]
    [InlineData("A1111 Heun", 0.75, 8)]
    [InlineData("A1111 DPM2", 0.999, 0)]
    public void Strength_leaves_one_step_more_than_diffusers_counts(string name, double strength, int first)
    {
        Assert.Equal(first, Create(name, 20).FirstCall(strength));
    }

    [Fact]
    public void A_strength_outside_0_to_1_is_refused()
    {
        Assert.Equal("Strength", Assert.Throws<InvalidSettingException>(() => Create("A1111 Euler", 20).FirstCall(1.1)).Setting);
    }

    [Theory]
    [InlineData("DPM++ SDE", true)]
    [InlineData("A1111 DPM++ 2M SDE", true)]
    [InlineData("A1111 DPM++ 3M SDE", true)]
    [InlineData("A1111 Euler a", false)]
    [InlineData("DPM++ 2S a", false)]
    [InlineData("DPM++ 2M SDE", false)]
    public void Samplers_that_follow_a_path_get_its_noise_and_others_go_on_with_the_generator(string name, bool follows)
    {
        TorchRandom continuing = new(1);
        INoiseSource noise = Create(name, 20).CreateNoise(7, continuing);

        Assert.Equal(follows, noise is BrownianTreeNoise);
        Assert.Equal(!follows, ReferenceEquals(continuing, noise));
    }

    [Fact]
    public void A_last_step_that_does_not_end_at_zero_has_its_second_call()
    {
        Assert.Equal(39, Create("A1111 Heun", 20).Timesteps.Count);
        Assert.Equal(40, Create("A1111 Heun", 20, ("schedule", "kl_optimal")).Timesteps.Count);
    }

    [Fact]
    public void The_multiplier_of_the_models_training_starts_with_a_pictures_variance_besides()
    {
        Scheduler plain = Create("A1111 Euler", 20);
        Scheduler sgm = Create("A1111 Euler", 20, ("SgmNoiseMultiplier", true));

        Assert.Equal(Math.Sqrt(1 + (plain.InitNoiseSigma * plain.InitNoiseSigma)), sgm.InitNoiseSigma, 1e-5);
    }

    [Fact]
    public void A_model_without_noise_at_its_end_starts_at_A1111s_greatest_level()
    {
        SchedulerConfig zeroSnr = SchedulerConfig.Parse("""{ "rescale_betas_zero_snr": true, "prediction_type": "v_prediction" }""");
        Scheduler scheduler = SchedulerCatalog.Create(SchedulerCatalog.Find("A1111 Euler"), zeroSnr, 20);

        // The square root of (1 - a) / a for a = 4.8973451890853435e-08.
        Assert.Equal(4518.7656f, scheduler.InitNoiseSigma, 0.1f);
    }

    [Theory]
    [InlineData("A1111 Euler a")]
    [InlineData("DPM++ 2S a")]
    [InlineData("A1111 DPM2 a")]
    [InlineData("DPM++ SDE")]
    [InlineData("A1111 DPM++ 3M SDE")]
    public void A_step_too_long_for_float32_stays_finite(string name)
    {
        Scheduler scheduler = Create(name, 3, ("sigma_max", 30000.0), ("sigma_min", 0.01), ("schedule", "exponential"));
        TorchRandom noise = new(1);
        float[] sample = new float[16];
        noise.Normal(sample);
        float[] output = new float[16];
        for (int call = 0; call < scheduler.Timesteps.Count; call++)
        {
            scheduler.ScaleModelInput(sample, call, output);
            scheduler.Step(output, call, sample, noise);
            Assert.All(sample, value => Assert.True(float.IsFinite(value), $"{name} call {call}"));
        }
    }

    [Theory]
    [InlineData("schedule", "even", "schedule")]
    [InlineData("sigma_min", 20.0, "sigma_min")]
    [InlineData("sigma_min", 0.0, "sigma_min")]
    [InlineData("eta", 2.0, "eta")]
    [InlineData("use_karras_sigmas", true, "use_karras_sigmas")]
    public void A_wrong_option_is_named(string name, object value, string setting)
    {
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => Create("DPM++ SDE", 20, (name, value))).Setting);
    }

    [Fact]
    public void A_models_own_solver_does_not_reach_k_diffusions()
    {
        SchedulerConfig model = SchedulerConfig.Parse("""{ "solver_type": "heun", "sigma_min": 0.5, "timestep_spacing": "leading", "steps_offset": 1 }""");
        SchedulerInfo info = SchedulerCatalog.Find("A1111 DPM++ 2M SDE");

        Assert.Equal(Create(info.Name, 20).Sigmas, SchedulerCatalog.Create(info, model, 20).Sigmas);
    }

    private static Scheduler Create(string name, int steps, params (string Name, object? Value)[] options) =>
        SchedulerCatalog.Create(SchedulerCatalog.Find(name), s_empty, steps, options.ToDictionary(option => option.Name, option => option.Value));
}
