using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling;

public sealed class SchedulerCatalogTests
{
    private static readonly SchedulerConfig s_empty = SchedulerConfig.Parse("{}");

    [Theory]
    [InlineData("DDIM", "DDIM")]
    [InlineData("ddim", "DDIM")]
    [InlineData("DDIMScheduler", "DDIM")]
    [InlineData("PNDM", "PNDM")]
    [InlineData("plms", "PLMS")]
    [InlineData("Euler a", "Euler a")]
    [InlineData("euler_a", "Euler a")]
    [InlineData("euler_ancestral", "Euler a")]
    [InlineData("k-euler-a", "Euler a")]
    [InlineData("EulerAncestralDiscreteScheduler", "Euler a")]
    [InlineData("Euler Karras", "Euler Karras")]
    [InlineData("DPM++ 2M Karras", "DPM++ 2M Karras")]
    [InlineData("dpmpp_2m_karras", "DPM++ 2M Karras")]
    [InlineData("dpm++2m", "DPM++ 2M")]
    [InlineData("DPM 2M", "DPM++ 2M")]
    [InlineData("DPM2", "DPM2")]
    [InlineData("dpm_2_ancestral", "DPM2 a")]
    [InlineData("dpmpp_2m_sde_exponential", "DPM++ 2M SDE Exponential")]
    [InlineData("dpmpp_3m_sde", "DPM++ 3M SDE")]
    [InlineData("DPMSolverMultistepScheduler", "DPM++ 2M")]
    [InlineData("uni_pc", "UniPC")]
    [InlineData("uni_pc_bh2", "UniPC")]
    [InlineData("sa_solver", "SA-Solver")]
    [InlineData("FlowMatchEulerDiscreteScheduler", "Flow Match Euler")]
    public void A_scheduler_is_found_by_any_of_its_names(string name, string expected)
    {
        Assert.Equal(expected, SchedulerCatalog.Find(name).Name);
    }

    [Fact]
    public void No_two_entries_share_a_name_and_every_name_finds_its_entry()
    {
        Assert.Equal(SchedulerCatalog.All.Count, SchedulerCatalog.All.Select(info => info.Name).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        foreach (SchedulerInfo info in SchedulerCatalog.All)
            Assert.All((IEnumerable<string>)[info.Name, .. info.Aliases], name => Assert.Same(info, SchedulerCatalog.Find(name)));
    }

    [Theory]
    [InlineData("Eulre", "Euler")]
    [InlineData("DPM++ 2M Karas", "DPM++ 2M Karras")]
    [InlineData("unpic", "UniPC")]
    public void An_unknown_name_is_answered_with_those_that_come_near(string name, string near)
    {
        SchedulerNotFoundException error = Assert.Throws<SchedulerNotFoundException>(() => SchedulerCatalog.Find(name));
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{near}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_comes_near_to_none_is_answered_without_a_guess()
    {
        foreach (string name in (string[])["watercolour", new string('e', 1_000_000)])
            Assert.DoesNotContain("Did you mean", Assert.Throws<SchedulerNotFoundException>(() => SchedulerCatalog.Find(name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_name_is_refused()
    {
        Assert.Throws<SchedulerNotFoundException>(() => SchedulerCatalog.Find(" "));
    }

    [Fact]
    public void Every_entry_is_complete()
    {
        foreach (SchedulerInfo info in SchedulerCatalog.All)
        {
            Assert.Contains("arXiv:", info.Paper, StringComparison.Ordinal);
            Assert.Equal(info.Options.Count, info.Options.Select(option => option.Name).Distinct().Count());
            foreach (SchedulerOption option in info.Options)
            {
                Assert.EndsWith(".", option.Description, StringComparison.Ordinal);
                Assert.Equal(option.Kind is SchedulerOptionKind.Choice or SchedulerOptionKind.Boolean, option.AllowedValues.Count > 0);
                if (option.Kind == SchedulerOptionKind.Choice)
                    Assert.Contains((string)option.Default!, option.AllowedValues);
            }

            Assert.All(info.Presets.Keys, name => Assert.Contains(info.Options, option => option.Name == name));
        }
    }

    [Fact]
    public void Options_come_before_presets_and_presets_before_the_model()
    {
        SchedulerInfo karras = SchedulerCatalog.Find("Euler Karras");
        SchedulerConfig model = SchedulerConfig.Parse("""{ "use_karras_sigmas": false, "timestep_spacing": "trailing", "steps_offset": 1 }""");
        Scheduler byPreset = SchedulerCatalog.Create(karras, model, 10);
        Scheduler byOption = SchedulerCatalog.Create(karras, model, 10, Options(("UseKarrasSigmas", false)));
        Scheduler byModel = SchedulerCatalog.Create(SchedulerCatalog.Find("Euler"), model, 10);

        Assert.NotEqual(byModel.Timesteps, byPreset.Timesteps);
        Assert.Equal(byModel.Timesteps, byOption.Timesteps);
        Assert.Equal(899, byModel.Timesteps[1]);
    }

    [Fact]
    public void What_the_model_does_not_say_takes_the_default_of_the_scheduler_that_is_made()
    {
        // As SD 1.5 has it: no timestep_spacing.
        SchedulerConfig model = SchedulerConfig.Parse(
            """{ "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1, "skip_prk_steps": true, "set_alpha_to_one": false, "clip_sample": false, "trained_betas": null }""");

        Assert.Equal(951, SchedulerCatalog.Create(SchedulerCatalog.Find("PNDM"), model, 20).Timesteps[0]);
        Assert.Equal(951, SchedulerCatalog.Create(SchedulerCatalog.Find("DDIM"), model, 20).Timesteps[0]);
        Assert.Equal(999, SchedulerCatalog.Create(SchedulerCatalog.Find("Euler"), model, 20).Timesteps[0]);
        Assert.Equal(999, SchedulerCatalog.Create(SchedulerCatalog.Find("DPM++ 2M"), model, 20).Timesteps[0]);
    }

    [Fact]
    public void What_the_model_says_is_carried_into_other_schedulers()
    {
        // As SDXL has it.
        SchedulerConfig model = SchedulerConfig.Parse("""{ "_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading", "steps_offset": 1 }""");

        Assert.Equal(941, SchedulerCatalog.Create(SchedulerCatalog.Find("DPM++ 2M"), model, 20).Timesteps[0]);
    }

    [Fact]
    public void Missing_betas_are_those_of_Stable_Diffusion()
    {
        Assert.Equal(14.6146f, SchedulerCatalog.Create(SchedulerCatalog.Find("Euler"), s_empty, 20).InitNoiseSigma, 1e-4f);
    }

    [Theory]
    [InlineData("TimestepSpacing", "trailing")]
    [InlineData("timestep_spacing", "TRAILING")]
    [InlineData("TIMESTEP_SPACING", "Trailing")]
    public void Options_are_found_in_any_spelling(string name, string value)
    {
        Assert.Equal(949, SchedulerCatalog.Create(SchedulerCatalog.Find("Euler"), s_empty, 20, Options((name, value))).Timesteps[1]);
    }

    [Fact]
    public void Values_may_be_text_as_a_table_has_them()
    {
        Scheduler scheduler = SchedulerCatalog.Create(
            SchedulerCatalog.Find("Euler"), s_empty, 2, Options(("use_karras_sigmas", "true"), ("sigma_min", "0.5"), ("s_churn", 1L)));

        Assert.Equal(0.5f, scheduler.Sigmas[1], 1e-6f);
    }

    [Fact]
    public void A_null_takes_the_default_in_place_of_what_the_model_says()
    {
        SchedulerConfig model = SchedulerConfig.Parse("""{ "timestep_spacing": "leading" }""");

        Assert.Equal(999, SchedulerCatalog.Create(SchedulerCatalog.Find("Euler"), model, 20, Options(("timestep_spacing", null))).Timesteps[0]);
    }

    [Theory]
    [InlineData("DDIM", "use_karras_sigmas", true, "use_karras_sigmas", "eta")]
    [InlineData("DDIM", "eta", 1.5, "eta", "from 0 to 1")]
    [InlineData("DDIM", "eta", "much", "eta", "from 0 to 1")]
    [InlineData("Euler", "timestep_spacing", "even", "timestep_spacing", "linspace, leading, trailing")]
    [InlineData("Euler", "use_karras_sigmas", 1, "use_karras_sigmas", "true or false")]
    [InlineData("DPM++ 2M", "solver_order", 4, "solver_order", "from 1 to 3")]
    [InlineData("DPM++ 2M", "solver_order", 1.5, "solver_order", "a whole number")]
    [InlineData("DPM++ 2M", "algorithm_type", "dpmsolver", "final_sigmas_type", "sigma_min")]
    [InlineData("Euler", "s_churn", double.NaN, "s_churn", "0 or more")]
    public void A_wrong_option_is_named_with_what_it_takes(string scheduler, string name, object value, string setting, string expected)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(
            () => SchedulerCatalog.Create(SchedulerCatalog.Find(scheduler), s_empty, 20, Options((name, value))));

        Assert.Equal(setting, error.Setting);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_exclude_each_other_are_refused()
    {
        AssertRefused("Euler", "use_karras_sigmas", ("use_karras_sigmas", true), ("use_beta_sigmas", true));
        AssertRefused("Euler", "sigmas", ("sigmas", new[] { 3.0, 1, 0 }), ("timesteps", new[] { 900.0, 100 }));
        AssertRefused("Heun", "timesteps", ("use_karras_sigmas", true), ("timesteps", new[] { 900.0, 100 }));
        AssertRefused("DPM++ 2M", "timesteps", ("use_karras_sigmas", true), ("timesteps", new[] { 900.0, 100 }));
        AssertRefused("DPM++ 2M", "use_flow_sigmas", ("use_karras_sigmas", true), ("use_flow_sigmas", true));
        AssertRefused("DPM++ 2M SDE", "solver_order", ("algorithm_type", "sde-dpmsolver"), ("final_sigmas_type", "sigma_min"), ("solver_order", 3));
        AssertRefused("DDIM", "prediction_type", ("rescale_betas_zero_snr", true), ("timestep_spacing", "trailing"));
        AssertRefused("Flow Match Euler", "mu", ("use_dynamic_shifting", true));
    }

    [Theory]
    [InlineData("timesteps", new double[] { 900, 500, 100 })]
    [InlineData("timesteps", new double[] { 100, 900 })]
    [InlineData("timesteps", new double[] { 1000, 1 })]
    [InlineData("sigmas", new double[] { 14, 1 })]
    [InlineData("sigmas", new double[] { 14, 15, 0 })]
    public void Timesteps_and_sigmas_that_make_no_run_are_refused(string name, double[] values)
    {
        AssertRefused("Euler", name, (name, values));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1001)]
    public void Steps_outside_1_to_1000_are_refused(int steps)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(
            () => SchedulerCatalog.Create(SchedulerCatalog.Find("DDIM"), s_empty, steps));
        Assert.Equal("Steps", error.Setting);
    }

    [Fact]
    public void A_model_that_predicts_what_a_scheduler_cannot_take_is_refused_with_a_way_out()
    {
        SchedulerConfig model = SchedulerConfig.Parse("""{ "prediction_type": "sample" }""");
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(
            () => SchedulerCatalog.Create(SchedulerCatalog.Find("Euler a"), model, 20));

        Assert.Equal("prediction_type", error.Setting);
        Assert.Contains("Choose another scheduler", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "_class_name": "PNDMScheduler" }""", "PNDM")]
    [InlineData("""{ "_class_name": "PNDMScheduler", "skip_prk_steps": true }""", "PLMS")]
    [InlineData("""{ "_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": false }""", "Euler")]
    [InlineData("""{ "_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true }""", "Euler Karras")]
    [InlineData("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": true }""", "DPM++ 2M SDE Karras")]
    [InlineData("""{ "_class_name": "DPMSolverMultistepScheduler", "solver_order": 1 }""", "DPMSolverMultistepScheduler")]
    [InlineData("""{ "_class_name": "LCMScheduler" }""", "LCM")]
    public void A_models_own_scheduler_goes_by_the_name_that_fits_its_options(string json, string expected)
    {
        Assert.Equal(expected, SchedulerCatalog.Default(SchedulerConfig.Parse(json)).Name);
    }

    [Fact]
    public void A_model_with_an_unknown_scheduler_or_none_is_invalid()
    {
        ModelInvalidException unknown = Assert.Throws<ModelInvalidException>(
            () => SchedulerCatalog.Default(SchedulerConfig.Parse("""{ "_class_name": "NobodysScheduler" }""")));
        Assert.Contains("NobodysScheduler", unknown.Message, StringComparison.Ordinal);
        Assert.Throws<ModelInvalidException>(() => SchedulerCatalog.Default(s_empty));
    }

    private static void AssertRefused(string scheduler, string setting, params (string Name, object? Value)[] options)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(
            () => SchedulerCatalog.Create(SchedulerCatalog.Find(scheduler), s_empty, 2, Options(options)));
        Assert.Equal(setting, error.Setting);
    }

    private static Dictionary<string, object?> Options(params (string Name, object? Value)[] options) =>
        options.ToDictionary(option => option.Name, option => option.Value);
}
