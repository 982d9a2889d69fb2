using StableDiffusion.Denoising;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Sampling;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace StableDiffusion.Tests.Denoising;

/// <summary>Runs of schedulers over the closed-form model in place of a U-Net, which can be stopped as a latent and continued.</summary>
internal static class ClosedFormRun
{
    private const int Factor = 8;

    private static readonly SchedulerConfig s_stableDiffusion = SchedulerConfig.Parse(
        """{ "_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear", "skip_prk_steps": true, "set_alpha_to_one": false, "steps_offset": 1, "clip_sample": false }""");

    /// <summary>Begins a run, as the pipeline does.</summary>
    /// <param name="settings">The settings, with the seed, the scheduler and the steps.</param>
    /// <param name="shape">The shape of the latent.</param>
    /// <param name="strength">How much of a clean latent is replaced; 1 starts from noise.</param>
    /// <param name="isMasked">Whether a part of a clean latent is kept.</param>
    /// <param name="config">The model's configuration.</param>
    public static Latent Begin(GenerationInfo settings, int[] shape, double strength = 1, bool isMasked = false, SchedulerConfig? config = null)
    {
        SchedulerInfo entry = SchedulerCatalog.Find(settings.Scheduler!);
        Scheduler scheduler = SchedulerCatalog.Create(entry, config ?? s_stableDiffusion, settings.Steps!.Value, SchedulerOptionText.Read(settings.SchedulerOptions));
        LatentNoise noise = new(settings.Seed!.Value, settings.ToNoise());
        int call = strength < 1 ? scheduler.FirstCall(strength) : 0;
        Tensor drawn = new(shape);
        noise.FillStart(drawn, Factor);
        Tensor sample = new(shape);
        Tensor original = new(shape);
        new PhiloxRandom(99).Normal(original.Span);
        if (strength < 1)
            scheduler.AddNoise(original.Span, drawn.Span, call, sample.Span);
        else
            TensorPrimitives.Multiply(drawn.Span, scheduler.InitNoiseSigma, sample.Span);
        Tensor mask = new(1, 1, shape[2], shape[3]);
        for (int i = 0; i < mask.Length; i += 2)
            mask.Values[i] = 1;

        INoiseSource steps = DenoiseState.CreateNoise(scheduler, settings.Seed.Value, noise);
        scheduler.Begin(call, sample.Span, steps);
        DenoiseState state = new(scheduler, steps, call, call, isMasked ? new Inpainting(original, drawn, mask, settings) : null)
        {
            AddedChannels = isMasked ? mask : null,
        };
        return Stop(sample, state, settings with { Scheduler = entry.Name, Width = shape[3] * Factor, Height = shape[2] * Factor });
    }

    /// <summary>Goes on with a run.</summary>
    /// <param name="latent">The latent, which stays as it is.</param>
    /// <param name="steps">The number of steps to make; null makes all that are left.</param>
    public static Latent Continue(Latent latent, int? steps = null)
    {
        DenoiseState state = latent.State!.Copy();
        Scheduler scheduler = state.Scheduler;
        Tensor sample = latent.Tensor.Clone();
        float[] output = new float[sample.Length];
        int end = steps is int count ? Math.Min(state.NextCall + (count * scheduler.Order), scheduler.Timesteps.Count) : scheduler.Timesteps.Count;
        for (int call = state.NextCall; call < end; call++)
        {
            scheduler.ScaleModelInput(sample.Span, call, output);
            ClosedFormModel.Run(output, scheduler.Timesteps[call], output);
            scheduler.Step(output, call, sample.Span, state.Noise);
            state.Inpainting?.Restore(sample.Span, scheduler, call + 1);
        }

        return Stop(sample, state with { NextCall = end }, latent.Info);
    }

    private static Latent Stop(Tensor sample, DenoiseState state, GenerationInfo info) => new(sample, info, state.Step, state.StepCount)
    {
        State = state.NextCall < state.Scheduler.Timesteps.Count ? state.Copy() : null,
    };
}
