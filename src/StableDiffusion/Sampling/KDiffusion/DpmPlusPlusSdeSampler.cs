using StableDiffusion.Noise;
using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// The stochastic singlestep DPM-Solver++ of order 2 ("DPM++ SDE"): k-diffusion's <c>sample_dpmpp_sde</c>, after Lu et
/// al., "DPM-Solver++", arXiv:2211.01095. Both calls of a step add noise from the same Brownian path.
/// </summary>
internal sealed class DpmPlusPlusSdeSampler : Sampler
{
    private const int KeptSample = 0;
    private const int KeptDenoised = 1;
    private const int Denoised = 2;
    private const int Noise = 3;

    private readonly double _eta;
    private readonly double _noiseScale;
    private readonly double _share;

    public DpmPlusPlusSdeSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, (sigma, next) => Middle(sigma, next, settings.Number(SamplerOptions.MiddlePlace)), scratchCount: 4)
    {
        _eta = settings.Number(SamplerOptions.Eta);
        _noiseScale = settings.Number(SamplerOptions.NoiseScale);
        _share = 1 / (2 * settings.Number(SamplerOptions.MiddlePlace));
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SamplerOptions.Common(NoiseLevels.Karras),
        .. SamplerOptions.Stochastic,
        SamplerOptions.OfRun(SchedulerOptions.Real(SamplerOptions.MiddlePlace, 0.5, "The position of the second call within a step, by the logarithm of the noise level.", minimum: 0.01, maximum: 1)),
    ];

    protected override bool FollowsPath => true;

    /// <summary>The noise level at a position between two others, by the logarithm, in k-diffusion's order of operations.</summary>
    /// <remarks>
    /// The Brownian path is evaluated at this level, so its last bit matters. The exp of PyTorch's wheels almost always rounds to
    /// the nearest float32, and so does the cast; <see cref="MathF.Exp"/> differs between systems.
    /// </remarks>
    public static float Middle(float sigma, float next, double place)
    {
        float start = -MathF.Log(sigma);
        return (float)Math.Exp(-(start + ((-MathF.Log(next) - start) * (float)place)));
    }

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        int step = call / 2;
        float next = Sigmas[step + 1];
        if (next == 0)
        {
            Denoise(modelOutput, call, sample, sample);
            return;
        }

        // k-diffusion uses the logarithms, and so draws at levels that are rounded once more.
        float sigma = (float)Math.Exp(MathF.Log(Sigmas[step]));
        if (!IsSecond(call))
        {
            sample.CopyTo(Scratch(KeptSample));
            Denoise(modelOutput, call, sample, Scratch(KeptDenoised));
            float middle = CallSigmas[call + 1];
            (float down, float up) = AncestralStep.Split(sigma, middle, _eta);
            double ratio = (double)down / sigma;
            VectorMath.Combine(sample, ratio, Scratch(KeptDenoised), 1 - ratio);
            AddFresh(sample, noise, sigma, middle, up);
        }
        else
        {
            Denoise(modelOutput, call, sample, Scratch(Denoised));
            float end = (float)Math.Exp(MathF.Log(next));
            (float down, float up) = AncestralStep.Split(sigma, end, _eta);
            double ratio = (double)down / sigma;
            VectorMath.Combine(sample, Scratch(KeptSample), ratio, Scratch(KeptDenoised), (1 - ratio) * (1 - _share));
            VectorMath.Add(sample, Scratch(Denoised), (1 - ratio) * _share);
            AddFresh(sample, noise, sigma, end, up);
        }
    }

    private void AddFresh(Span<float> sample, INoiseSource noise, float sigma, float next, float up)
    {
        if (_eta > 0)
            VectorMath.Add(sample, Draw(noise, Noise, sigma, next), _noiseScale * up);
    }
}
