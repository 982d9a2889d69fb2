using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Euler's method on given noise levels as ComfyUI runs it: the U-Net gets the nearest whole timestep in the logarithm of the level.</summary>
internal sealed class ComfyEuler(float[] sigmas, SchedulerConfig config) : TableScheduler(sigmas.Length - 1, TimestepsOf(sigmas, config), sigmas)
{
    public override float InitNoiseSigma => Sigmas[0];

    public override CallLevel LevelAt(int call) => CallLevel.Exploding(PredictionType.Epsilon, Sigmas[call]);

    public override void ScaleModelInput(ReadOnlySpan<float> sample, int call, Span<float> scaled) =>
        VectorMath.Combine(scaled, sample, 1 / Math.Sqrt((Sigmas[call] * Sigmas[call]) + 1), sample, 0);

    public override void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised) => VectorMath.Combine(noised, original, 1, noise, Sigmas[call]);

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise) => VectorMath.Add(sample, modelOutput, Sigmas[call + 1] - Sigmas[call]);

    private static float[] TimestepsOf(float[] sigmas, SchedulerConfig config)
    {
        // Of 1000 steps, k-diffusion's schedule in steps of the training has the level of each timestep.
        IReadOnlyList<float> levels = SchedulerCatalog.Create(SchedulerCatalog.Find("A1111 Euler"), config, 1000).Sigmas;
        return [.. sigmas.SkipLast(1).Select(sigma => (float)Enumerable.Range(0, 1000).MinBy(timestep => Math.Abs(Math.Log(levels[999 - timestep]) - Math.Log(sigma))))];
    }
}
