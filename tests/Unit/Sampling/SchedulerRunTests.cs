using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Sampling;

/// <summary>What holds for every scheduler of the catalog.</summary>
public sealed class SchedulerRunTests
{
    private const int Length = 64;

    private static readonly SchedulerConfig s_stableDiffusion = SchedulerConfig.Parse(
        """{ "skip_prk_steps": true, "set_alpha_to_one": false, "steps_offset": 1, "clip_sample": false }""");

    public static TheoryData<string> Names() => [.. SchedulerCatalog.All.Select(info => info.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void After_its_first_calls_a_run_allocates_nothing(string name)
    {
        SchedulerInfo info = SchedulerCatalog.Find(name);
        Scheduler scheduler = Create(info, 20);
        TorchRandom noise = new(3);
        float[] sample = Start(scheduler);
        float[] output = new float[Length];
        float[] scaled = new float[Length];
        long before = 0;
        for (int call = 0; call < scheduler.Timesteps.Count; call++)
        {
            if (call == 8)
                before = GC.GetAllocatedBytesForCurrentThread();

            scheduler.ScaleModelInput(sample, call, scaled);
            ClosedFormModel.Run(scaled, scheduler.Timesteps[call], output);
            scheduler.Step(output, call, sample, noise);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Limits_on_the_predicted_picture_allocate_nothing_either()
    {
        foreach (SchedulerInfo info in SchedulerCatalog.All.Where(info => info.Options.Any(option => option.Name == "thresholding")))
        {
            Scheduler scheduler = SchedulerCatalog.Create(info, s_stableDiffusion, 20, new Dictionary<string, object?> { ["thresholding"] = true });
            TorchRandom noise = new(3);
            float[] sample = Start(scheduler);
            float[] output = new float[Length];
            Run(scheduler, sample, output, noise, 0, 8);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Run(scheduler, sample, output, noise, 8, 20);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_clone_ends_the_run_with_the_same_sample_and_apart_from_its_source(string name)
    {
        SchedulerInfo info = SchedulerCatalog.Find(name);
        Scheduler whole = Create(info, 12);
        int calls = whole.Timesteps.Count;
        float[] expected = Start(whole);
        Run(whole, expected, new float[Length], new TorchRandom(3), 0, calls);

        for (int stop = 1; stop < calls; stop += 3)
        {
            Scheduler source = Create(info, 12);
            TorchRandom noise = new(3);
            float[] sample = Start(source);
            Run(source, sample, new float[Length], noise, 0, stop);
            Scheduler copy = source.Clone();
            TorchRandom copiedNoise = noise.Clone();
            float[] copiedSample = (float[])sample.Clone();

            Run(source, sample, new float[Length], noise, stop, calls);
            Run(copy, copiedSample, new float[Length], copiedNoise, stop, calls);
            Assert.Equal(expected, sample);
            Assert.Equal(expected, copiedSample);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_number_of_steps_gives_finite_values_or_is_refused(string name)
    {
        SchedulerInfo info = SchedulerCatalog.Find(name);
        int refused = 0;
        foreach (string spacing in (string[])["leading", "trailing", "linspace"])
        {
            Dictionary<string, object?> options = [];
            if (info.Options.Any(option => option.Name == "timestep_spacing"))
                options["timestep_spacing"] = spacing;

            foreach (int steps in (int[])[1, 2, 3, 4, 5, 29, 501, 1000])
            {
                Scheduler scheduler;
                try
                {
                    scheduler = SchedulerCatalog.Create(info, s_stableDiffusion, steps, options);
                }
                catch (InvalidSettingException error)
                {
                    Assert.Equal("Steps", error.Setting);
                    refused++;
                    continue;
                }

                Assert.Equal(steps, scheduler.Steps);
                float[] sample = Start(scheduler);
                Run(scheduler, sample, new float[Length], new TorchRandom(3), 0, scheduler.Timesteps.Count);
                Assert.All(sample, value => Assert.True(float.IsFinite(value), $"{name} with {steps} steps and {spacing} spacing is not finite."));
                Assert.All(scheduler.Timesteps, timestep => Assert.InRange(timestep, 0, 1000));
            }
        }

        // A1111's DDIM makes one call less than its steps.
        Assert.True(refused == 0 || info.ClassName == "ddim" || info.Options.Any(option => option.Name is "original_inference_steps" or "timestep_spacing"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_order_is_the_number_of_calls_a_step(string name)
    {
        SchedulerInfo info = SchedulerCatalog.Find(name);
        Scheduler scheduler = Create(info, 20);

        Assert.Equal(info.Order, scheduler.Order);
        Assert.InRange(scheduler.Timesteps.Count, (20 * info.Order) - 1, (20 * info.Order) + 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void It_draws_noise_just_if_its_entry_says_so(string name)
    {
        SchedulerInfo info = SchedulerCatalog.Find(name);
        Scheduler scheduler = Create(info, 12);
        CountingNoise noise = new();
        Run(scheduler, Start(scheduler), new float[Length], noise, 0, scheduler.Timesteps.Count);

        Assert.Equal(info.IsStochastic, noise.Draws > 0);
    }

    [Theory]
    [InlineData("Euler", 0.0, 20)]
    [InlineData("Euler", 0.04, 20)]
    [InlineData("Euler", 0.05, 19)]
    [InlineData("Euler", 0.75, 5)]
    [InlineData("Euler", 1.0, 0)]
    [InlineData("Heun", 0.5, 20)]
    [InlineData("DPM2 a", 0.75, 10)]
    [InlineData("PLMS", 0.6, 8)]
    public void Strength_says_which_call_is_the_first(string name, double strength, int first)
    {
        Assert.Equal(first, Create(SchedulerCatalog.Find(name), 20).FirstCall(strength));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.01)]
    [InlineData(double.NaN)]
    public void A_strength_outside_0_to_1_is_refused(double strength)
    {
        Scheduler scheduler = Create(SchedulerCatalog.Find("Euler"), 20);
        Assert.Equal("Strength", Assert.Throws<InvalidSettingException>(() => scheduler.FirstCall(strength)).Setting);
    }

    [Fact]
    public void PNDM_with_Runge_Kutta_steps_refuses_to_start_late()
    {
        Scheduler scheduler = SchedulerCatalog.Create(SchedulerCatalog.Find("PNDM"), SchedulerConfig.Parse("{}"), 20);

        Assert.Equal(0, scheduler.FirstCall(1));
        Assert.Equal("Strength", Assert.Throws<InvalidSettingException>(() => scheduler.FirstCall(0.5)).Setting);
    }

    [Fact]
    public void Calls_out_of_order_and_spans_of_other_lengths_are_refused()
    {
        Scheduler scheduler = Create(SchedulerCatalog.Find("DDIM"), 20);
        TorchRandom noise = new(1);
        float[] sample = new float[16];
        scheduler.Step(sample, 3, sample, noise);

        Assert.Throws<ArgumentOutOfRangeException>(() => scheduler.Step(sample, 5, sample, noise));
        Assert.Throws<ArgumentOutOfRangeException>(() => scheduler.Step(sample, 20, sample, noise));
        Assert.Throws<ArgumentException>(() => scheduler.Step(new float[8], 4, new float[8], noise));
        scheduler.Step(sample, 4, sample, noise);
    }

    private static Scheduler Create(SchedulerInfo info, int steps) => SchedulerCatalog.Create(info, s_stableDiffusion, steps);

    private static float[] Start(Scheduler scheduler)
    {
        float[] sample = new float[Length];
        new TorchRandom(7).Normal(sample);
        foreach (ref float value in sample.AsSpan())
            value *= scheduler.InitNoiseSigma;
        return sample;
    }

    private static void Run(Scheduler scheduler, float[] sample, float[] output, INoiseSource noise, int first, int end)
    {
        for (int call = first; call < end; call++)
        {
            scheduler.ScaleModelInput(sample, call, output);
            ClosedFormModel.Run(output, scheduler.Timesteps[call], output);
            scheduler.Step(output, call, sample, noise);
        }
    }

    private sealed class CountingNoise : INoiseSource
    {
        public int Draws { get; private set; }

        public void Fill(Span<float> destination, float sigma, float sigmaNext)
        {
            Draws++;
            destination.Clear();
        }

        public void Transfer(StateTransfer state)
        {
        }

        public INoiseSource Clone() => this;
    }
}
