using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>
/// The forward process of the training: a clean latent and noise in proportions that keep the variance,
/// x_t = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) epsilon, where alpha_t is the cumulative product of the alphas up to the timestep.
/// Source: Ho et al., arXiv 2006.11239, equation 4.
/// </summary>
internal static class ForwardProcess
{
    private const string TimestepSetting = "Timestep";
    private const string SigmaSetting = "NoiseSigma";
    private const string CleanSetting = "CleanScale";
    private const string NoiseSetting = "NoiseScale";

    /// <summary>Draws the noise of a seed, as the initial noise of a denoising.</summary>
    /// <param name="shape">The shape of the latent.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="source">The random number generator.</param>
    public static Tensor Draw(IReadOnlyList<int> shape, long seed, RandomSource source)
    {
        Tensor noise = new([.. shape]);
        LatentNoise.CreateGenerator(seed, source).Fill(noise.Span, 0, 0);
        return noise;
    }

    /// <summary>Mixes a clean latent and noise.</summary>
    /// <param name="clean">The clean latent.</param>
    /// <param name="noise">The noise.</param>
    /// <param name="cleanScale">The factor of the clean latent.</param>
    /// <param name="noiseScale">The factor of the noise.</param>
    public static Tensor Mix(Tensor clean, Tensor noise, double cleanScale, double noiseScale)
    {
        Tensor mixed = new([.. clean.Shape]);
        VectorMath.Combine(mixed.Span, clean.Span, cleanScale, noise.Span, noiseScale);
        return mixed;
    }

    /// <summary>Adds noise to a latent, as a stage of its record.</summary>
    /// <param name="latent">The clean latent.</param>
    /// <param name="level">The level of the noise.</param>
    /// <param name="seed">The seed of the noise.</param>
    /// <param name="source">The random number generator.</param>
    /// <param name="model">The model that the timestep belongs to; null if unknown.</param>
    public static Latent Add(Latent latent, TrainingLevel level, long seed, RandomSource source, string? model)
    {
        (string, object)[] settings =
        [
            level.Timestep is int timestep ? (TimestepSetting, (long)timestep) : (SigmaSetting, level.Sigma),
            (CleanSetting, level.CleanScale), (NoiseSetting, level.NoiseScale), (nameof(GenerationInfo.Seed), seed),
            .. source == RandomSource.TorchCpu ? [] : ((string, object)[])[(nameof(GenerationInfo.RandomSource), source.ToString())],
            .. model is null ? [] : ((string, object)[])[(nameof(GenerationInfo.Model), model)],
        ];
        Tensor mixed = Mix(latent.Tensor, Draw(latent.Tensor.Shape, seed, source), level.CleanScale, level.NoiseScale);
        StageList stages = latent.Origin().Append(StageOperation.AddNoise, StageList.Hash<float>(mixed.Span), settings);
        return new Latent(mixed, latent.Info with { Stages = stages }) { Maker = latent.Maker };
    }

    /// <summary>Repeats a recorded stage.</summary>
    /// <param name="latent">The clean latent.</param>
    /// <param name="stage">The stage.</param>
    /// <exception cref="NotRepeatableException">The record is damaged.</exception>
    public static Latent Repeat(Latent latent, GenerationStage stage)
    {
        int? timestep = stage.Number<int>(TimestepSetting);
        double? sigma = stage.Number<double>(SigmaSetting);
        if (stage.Number<double>(CleanSetting) is not double clean || stage.Number<double>(NoiseSetting) is not double noise || stage.Number<long>(nameof(GenerationInfo.Seed)) is not long seed
            || (timestep is null && sigma is null) || !double.IsFinite(clean) || !double.IsFinite(noise) || !double.IsFinite(sigma ?? 0))
            throw new NotRepeatableException("The record does not say how much noise was added to a latent. It is damaged.");
        TrainingLevel level = new(timestep, sigma ?? 0, clean, noise);
        return Add(latent, level, seed, EnumSetting.Parse(nameof(RandomSource), stage.Text(nameof(RandomSource)), RandomSource.TorchCpu), stage.Text(nameof(GenerationInfo.Model)));
    }
}

/// <summary>A level of noise of a model's training.</summary>
/// <param name="Timestep">The timestep; null if the level is between timesteps.</param>
/// <param name="Sigma">The standard deviation of the noise for each unit of the clean latent.</param>
/// <param name="CleanScale">The factor of the clean latent, the root of the cumulative alpha.</param>
/// <param name="NoiseScale">The factor of the noise.</param>
internal readonly record struct TrainingLevel(int? Timestep, double Sigma, double CleanScale, double NoiseScale)
{
    /// <summary>The level of a timestep.</summary>
    /// <param name="schedule">The noise schedule of the training.</param>
    /// <param name="timestep">The timestep.</param>
    public static TrainingLevel At(NoiseSchedule schedule, int timestep)
    {
        double alpha = schedule.AlphaCumprod(timestep);
        return new TrainingLevel(timestep, Math.Sqrt((1 - alpha) / alpha), Math.Sqrt(alpha), Math.Sqrt(1 - alpha));
    }

    /// <summary>A level between those of timesteps.</summary>
    /// <param name="sigma">The noise level.</param>
    public static TrainingLevel Of(double sigma)
    {
        double scale = 1 / Math.Sqrt((sigma * sigma) + 1);
        return new TrainingLevel(null, sigma, scale, sigma * scale);
    }
}
