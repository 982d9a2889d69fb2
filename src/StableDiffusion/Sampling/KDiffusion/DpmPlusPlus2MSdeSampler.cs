using StableDiffusion.Noise;

namespace StableDiffusion.Sampling.KDiffusion;

/// <summary>
/// The stochastic multistep DPM-Solver++ of order 2 ("DPM++ 2M SDE", and with the other solver type "DPM++ 2M SDE
/// Heun"): k-diffusion's <c>sample_dpmpp_2m_sde</c>, after Lu et al., "DPM-Solver++", arXiv:2211.01095.
/// </summary>
internal sealed class DpmPlusPlus2MSdeSampler : Sampler
{
    private const int Noise = 0;

    private readonly double _eta;
    private readonly double _noiseScale;
    private readonly bool _isHeun;

    public DpmPlusPlus2MSdeSampler(SchedulerSettings settings, int steps)
        : base(settings, steps, historyDepth: 2, scratchCount: 1)
    {
        _eta = settings.Number(SamplerOptions.Eta);
        _noiseScale = settings.Number(SamplerOptions.NoiseScale);
        _isHeun = settings.Word(SamplerOptions.SolverType) == SamplerOptions.Heun;
    }

    public static SchedulerOption[] OptionList { get; } =
    [
        .. SamplerOptions.Common(NoiseLevels.Exponential),
        .. SamplerOptions.Stochastic,
        SamplerOptions.OfRun(SchedulerOptions.Choice(SamplerOptions.SolverType, SamplerOptions.Midpoint, "The second-order rule.", SamplerOptions.Midpoint, SamplerOptions.Heun)),
    ];

    protected override bool FollowsPath => true;

    protected override void Advance(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise)
    {
        (float sigma, float next) = (Sigmas[call], Sigmas[call + 1]);
        Span<float> denoised = PushHistory();
        Denoise(modelOutput, call, sample, denoised);
        if (next == 0)
        {
            denoised.CopyTo(sample);
            return;
        }

        double length = Math.Log((double)sigma / next);
        double reach = length * (1 + _eta);
        double weight = 1 - Math.Exp(-reach);
        VectorMath.Combine(sample, 1 - weight, denoised, weight);
        if (HistoryCount > 1 && length > 0)
        {
            double ratio = Math.Log((double)Sigmas[call - 1] / sigma) / length;
            double slope = (_isHeun ? 1 - (weight / reach) : weight / 2) / ratio;
            VectorMath.Add(sample, denoised, slope);
            VectorMath.Add(sample, History(1), -slope);
        }

        if (_eta > 0)
            VectorMath.Add(sample, Draw(noise, Noise, sigma, next), _noiseScale * next * Math.Sqrt(1 - Math.Exp(-2 * _eta * length)));
    }
}
