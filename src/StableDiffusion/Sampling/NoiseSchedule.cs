using System.Collections.Concurrent;
using System.Diagnostics;

namespace StableDiffusion.Sampling;

/// <summary>
/// The noise schedule that a model was trained with: the cumulative products of the alphas for each timestep
/// (Ho et al., "Denoising Diffusion Probabilistic Models", arXiv:2006.11239) and, from them, the noise levels (sigmas) of the
/// variance-exploding form. The tables are float32, rounded where PyTorch rounds: for diffusers in every step of the
/// computation; for the code of the original models, and so for k-diffusion and A1111, at its end.
/// </summary>
internal sealed class NoiseSchedule
{
    /// <summary>The smallest subnormal of float16, used in place of zero if a noise level must be finite.</summary>
    private const float TerminalAlpha = 1f / (1 << 24);

    /// <summary>The value that A1111 uses for it.</summary>
    private const double OriginalTerminalAlpha = 4.8973451890853435e-08;

    // So many schedules are kept for the next scheduler of the same training.
    private const int MostKept = 16;

    private static readonly ConcurrentDictionary<(string Schedule, double Start, double End, int Timesteps, bool IsZeroTerminal, bool IsFinite), NoiseSchedule> s_kept = new();

    private readonly float[] _alphasCumprod;
    private readonly float[] _sigmas;
    private readonly float[] _logSigmas;

    private NoiseSchedule(float[] alphasCumprod, float[] sigmas)
    {
        _alphasCumprod = alphasCumprod;
        _sigmas = sigmas;
        _logSigmas = Array.ConvertAll(sigmas, MathF.Log);
    }

    /// <summary>The number of timesteps that the model was trained with.</summary>
    public int Length => _alphasCumprod.Length;

    /// <summary>The noise level of timestep 0.</summary>
    public float SigmaMin => _sigmas[0];

    /// <summary>The noise level of the last timestep.</summary>
    public float SigmaMax => _sigmas[^1];

    /// <summary>The logarithm of the noise level of timestep 0.</summary>
    public float LogSigmaMin => _logSigmas[0];

    /// <summary>The logarithm of the noise level of the last timestep.</summary>
    public float LogSigmaMax => _logSigmas[^1];

    /// <summary>Computes the schedule, or takes one that was computed before: it does not change.</summary>
    /// <param name="settings">The settings, with <see cref="SchedulerOptions.Betas"/> and, if the scheduler has it, <see cref="SchedulerOptions.ZeroTerminalSnr"/>.</param>
    /// <param name="finiteTerminal">Whether a rescaled schedule ends just below pure noise, so that its noise level is finite.</param>
    public static NoiseSchedule Create(SchedulerSettings settings, bool finiteTerminal = false)
    {
        bool zeroSnr = settings.Optional("rescale_betas_zero_snr") is true;
        if (settings.Numbers("trained_betas") is not null)
            return Compute(settings, zeroSnr, finiteTerminal);
        if (s_kept.Count > MostKept)
            s_kept.Clear();
        return s_kept.GetOrAdd(
            (settings.Word("beta_schedule"), settings.Number("beta_start"), settings.Number("beta_end"), settings.Integer("num_train_timesteps"), zeroSnr, finiteTerminal),
            _ => Compute(settings, zeroSnr, finiteTerminal));
    }

    private static NoiseSchedule Compute(SchedulerSettings settings, bool zeroSnr, bool finiteTerminal)
    {
        float[] betas = Betas(settings);
        if (zeroSnr)
            RescaleToZeroTerminalSnr(betas);

        float[] alphasCumprod = CumulativeAlphas(betas);
        if (zeroSnr && finiteTerminal)
            alphasCumprod[^1] = TerminalAlpha;

        return new NoiseSchedule(alphasCumprod, Array.ConvertAll(alphasCumprod, static alpha => MathF.Sqrt((1 - alpha) / alpha)));
    }

    /// <summary>Computes the schedule in double precision, as the code of the original models does.</summary>
    /// <param name="settings">The settings, with <see cref="SchedulerOptions.Betas"/> and <see cref="SchedulerOptions.ZeroTerminalSnr"/>; a rescaled schedule stays finite.</param>
    public static NoiseSchedule CreateOriginal(SchedulerSettings settings)
    {
        double[] alphasCumprod = OriginalBetas(settings);
        double product = 1;
        foreach (ref double value in alphasCumprod.AsSpan())
        {
            product *= 1 - value;
            value = product;
        }

        if (settings.Flag("rescale_betas_zero_snr"))
        {
            double first = Math.Sqrt(alphasCumprod[0]);
            double last = Math.Sqrt(alphasCumprod[^1]);
            alphasCumprod = Array.ConvertAll(alphasCumprod, alpha => Math.Pow((Math.Sqrt(alpha) - last) * first / (first - last), 2));
            alphasCumprod[^1] = OriginalTerminalAlpha;
        }

        return new NoiseSchedule(
            Array.ConvertAll(alphasCumprod, static alpha => (float)alpha),
            Array.ConvertAll(alphasCumprod, static alpha => (float)Math.Sqrt((1 - alpha) / alpha)));
    }

    /// <summary>The cumulative product of the alphas up to a timestep: the image's share of the variance.</summary>
    /// <param name="timestep">The timestep.</param>
    public double AlphaCumprod(int timestep) => _alphasCumprod[timestep];

    /// <summary>The noise level at a timestep, interpolated linearly and constant beyond the ends, as NumPy's <c>interp</c> does.</summary>
    /// <param name="timestep">The timestep; may be fractional.</param>
    public double SigmaAt(double timestep)
    {
        int last = _sigmas.Length - 1;
        if (timestep <= 0)
            return _sigmas[0];
        if (timestep >= last)
            return _sigmas[last];

        int low = (int)timestep;
        return ((double)_sigmas[low + 1] - _sigmas[low]) * (timestep - low) + _sigmas[low];
    }

    /// <summary>The noise level at a timestep, its logarithm interpolated linearly in float32, as k-diffusion does.</summary>
    /// <param name="timestep">The timestep, from 0 to the last one of the training; may be fractional.</param>
    public float SigmaByLogAt(float timestep)
    {
        int low = (int)timestep;
        int high = Math.Min(low + 1, _logSigmas.Length - 1);
        float weight = timestep - low;
        return MathF.Exp(((1 - weight) * _logSigmas[low]) + (weight * _logSigmas[high]));
    }

    /// <summary>The timestep of a noise level, interpolated linearly in the level's logarithm.</summary>
    /// <param name="sigma">The noise level.</param>
    public double TimestepAt(double sigma)
    {
        double logSigma = Math.Log(Math.Max(sigma, 1e-10));
        int low = LowerIndex(logSigma);
        double weight = (_logSigmas[low] - logSigma) / ((double)_logSigmas[low] - _logSigmas[low + 1]);
        return low + Math.Clamp(weight, 0, 1);
    }

    /// <summary>The timestep of a noise level, computed in float32 throughout, as diffusers does for noise levels that PyTorch computed.</summary>
    /// <param name="sigma">The noise level.</param>
    public float TimestepAt(float sigma)
    {
        float logSigma = MathF.Log(MathF.Max(sigma, 1e-10f));
        int low = LowerIndex(logSigma);
        float weight = Math.Clamp((_logSigmas[low] - logSigma) / (_logSigmas[low] - _logSigmas[low + 1]), 0, 1);
        return ((1 - weight) * low) + (weight * (low + 1));
    }

    /// <summary>The number of timesteps at the end of the schedule whose half-logarithm of signal to noise is below a bound.</summary>
    /// <param name="lambda">The bound.</param>
    public int CountBelow(double lambda)
    {
        int count = 0;
        while (count < Length && Lambda(_alphasCumprod[Length - 1 - count]) < lambda)
            count++;
        return count;

        static float Lambda(float alphaCumprod) => MathF.Log(MathF.Sqrt(alphaCumprod)) - MathF.Log(MathF.Sqrt(1 - alphaCumprod));
    }

    private int LowerIndex(double logSigma)
    {
        int low = 0;
        while (low < _logSigmas.Length - 2 && _logSigmas[low + 1] <= logSigma)
            low++;
        return low;
    }

    private static double[] OriginalBetas(SchedulerSettings settings)
    {
        bool isScaled = settings.Word("beta_schedule") == "scaled_linear";
        if (settings.Numbers("trained_betas") is not null || (!isScaled && settings.Word("beta_schedule") != "linear"))
            return Array.ConvertAll(Betas(settings), static beta => (double)beta);

        (double start, double end, int count) = (settings.Number("beta_start"), settings.Number("beta_end"), settings.Integer("num_train_timesteps"));
        return isScaled
            ? Array.ConvertAll(TimestepSpacing.Linspace(Math.Sqrt(start), Math.Sqrt(end), count), static root => root * root)
            : TimestepSpacing.Linspace(start, end, count);
    }

    private static float[] Betas(SchedulerSettings settings)
    {
        if (settings.Numbers("trained_betas") is double[] trained)
        {
            int timesteps = settings.Integer("num_train_timesteps");
            return trained.Length > 1 && trained.Length == timesteps
                ? Array.ConvertAll(trained, beta => (float)beta)
                : throw new InvalidSettingException("trained_betas", $"trained_betas has {trained.Length} values, and num_train_timesteps is {timesteps}. Give a value for each timestep of the training, at least two.");
        }

        int count = settings.Integer("num_train_timesteps");
        double start = settings.Number("beta_start");
        double end = settings.Number("beta_end");
        switch (settings.Word("beta_schedule"))
        {
            case "linear":
                return Linspace((float)start, (float)end, count);
            case "scaled_linear":
                float[] betas = Linspace((float)Math.Sqrt(start), (float)Math.Sqrt(end), count);
                foreach (ref float beta in betas.AsSpan())
                    beta *= beta;
                return betas;
            case "squaredcos_cap_v2":
                return FromAlphaBar(count, t => Math.Pow(Math.Cos((t + 0.008) / 1.008 * Math.PI / 2), 2));
            case "laplace":
                return FromAlphaBar(count, LaplaceAlphaBar);
            case "exp":
                return FromAlphaBar(count, t => Math.Exp(t * -12));
            case "sigmoid":
                float[] sigmoid = Linspace(-6, 6, count);
                foreach (ref float beta in sigmoid.AsSpan())
                    beta = (1 / (1 + MathF.Exp(-beta)) * (float)(end - start)) + (float)start;
                return sigmoid;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>PyTorch's <c>linspace</c> in float32: computed from the nearer end, with one rounding.</summary>
    internal static float[] Linspace(float start, float end, int count)
    {
        float[] values = new float[count];
        float step = count > 1 ? (end - start) / (count - 1) : 0;
        for (int i = 0; i < count; i++)
        {
            values[i] = i < count / 2 || count == 1
                ? MathF.FusedMultiplyAdd(step, i, start)
                : MathF.FusedMultiplyAdd(-step, count - 1 - i, end);
        }

        return values;
    }

    private static float[] FromAlphaBar(int count, Func<double, double> alphaBar)
    {
        const double MaxBeta = 0.999;
        float[] betas = new float[count];
        for (int i = 0; i < count; i++)
            betas[i] = (float)Math.Min(1 - (alphaBar((i + 1) / (double)count) / alphaBar(i / (double)count)), MaxBeta);
        return betas;
    }

    private static double LaplaceAlphaBar(double t)
    {
        double lambda = -0.5 * Math.CopySign(1, 0.5 - t) * Math.Log(1 - (2 * Math.Abs(0.5 - t)) + 1e-6);
        double snr = Math.Exp(lambda);
        return Math.Sqrt(snr / (1 + snr));
    }

    private static float[] CumulativeAlphas(float[] betas)
    {
        // PyTorch's cumprod computes float32 in double precision and rounds each entry.
        double product = 1;
        float[] products = new float[betas.Length];
        for (int t = 0; t < betas.Length; t++)
        {
            product *= 1 - betas[t];
            products[t] = (float)product;
        }

        return products;
    }

    /// <summary>Algorithm 1 of Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", arXiv:2305.08891.</summary>
    private static void RescaleToZeroTerminalSnr(float[] betas)
    {
        float[] roots = CumulativeAlphas(betas);
        foreach (ref float root in roots.AsSpan())
            root = MathF.Sqrt(root);

        float first = roots[0];
        float last = roots[^1];
        float scale = first / (first - last);
        float previous = 1;
        for (int t = 0; t < betas.Length; t++)
        {
            float root = (roots[t] - last) * scale;
            float alphaBar = root * root;
            betas[t] = 1 - (alphaBar / previous);
            previous = alphaBar;
        }
    }
}
