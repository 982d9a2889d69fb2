using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Noise;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines.Inspection;

/// <summary>The forward process of a model's training, and how well its U-Net predicts what was added.</summary>
/// <param name="model">The open model.</param>
internal sealed class NoiseMeasurement(DiffusionModel model)
{
    // Any scheduler of the betas has the noise schedule of the training.
    private const string PlainScheduler = "DDPM";

    private const double HighestSigma = 100_000;
    private const int MostRepeats = 10_000;

    private readonly SchedulerSettings _settings = SchedulerSettings.Resolve(SchedulerCatalog.Find(PlainScheduler), model.SchedulerConfig, null);

    /// <summary>Adds noise to a latent.</summary>
    /// <param name="latent">The clean latent.</param>
    /// <param name="timestep">The timestep of the training; null if a level is given.</param>
    /// <param name="sigma">The noise level; null if a timestep is given.</param>
    /// <param name="seed">The seed of the noise; null or -1 for a random one.</param>
    /// <param name="source">The random number generator.</param>
    public Latent AddNoise(Latent latent, int? timestep, double? sigma, long? seed, RandomSource source)
    {
        Check(latent);
        if ((timestep is null) == (sigma is null))
            throw new InvalidSettingException("Timestep", "Say how much noise is added: by a timestep, or by a noise level with Sigma, not both.");
        if (sigma is not null)
            Setting.CheckRange("Sigma", sigma.Value, 0, HighestSigma);
        CheckSeed(seed);
        TrainingLevel level = timestep is int given ? LevelAt(NoiseSchedule.Create(_settings), given) : TrainingLevel.Of(sigma!.Value);
        return ForwardProcess.Add(latent, level, RandomSeed.Resolve(seed), source, model.Info.Name);
    }

    /// <summary>The timesteps in the middles of as many equal parts of the training's range, so that their mean is an estimate of the whole.</summary>
    /// <param name="count">The number of timesteps.</param>
    public IReadOnlyList<int> Spread(int count)
    {
        int length = _settings.Integer("num_train_timesteps");
        Setting.CheckRange("Count", count, 1, length);
        return [.. Enumerable.Range(0, count).Select(index => (int)((index + 0.5) * length / count))];
    }

    /// <summary>Measures the loss at timesteps.</summary>
    /// <param name="unet">The U-Net, in use.</param>
    /// <param name="latent">The clean latent.</param>
    /// <param name="embedding">The embedding of the prompt.</param>
    /// <param name="timesteps">The timesteps.</param>
    /// <param name="repeat">The number of seeds at each timestep.</param>
    /// <param name="seed">The first seed; null or -1 for a random one.</param>
    /// <param name="source">The random number generator.</param>
    /// <param name="progress">Called before each timestep with its number, from 0; may be null.</param>
    /// <param name="cancellationToken">Cancels the predictions.</param>
    /// <returns>The losses, each computed when it is asked for.</returns>
    public IEnumerable<NoisePredictionLoss> Measure(UNet unet, Latent latent, TextEmbedding embedding, IReadOnlyList<int> timesteps, int repeat, long? seed, RandomSource source, Action<int>? progress, CancellationToken cancellationToken)
    {
        Check(latent);
        CheckSeed(seed);
        Setting.CheckRange("Repeat", repeat, 1, MostRepeats);
        NoiseSchedule schedule = NoiseSchedule.Create(_settings);
        TrainingLevel[] levels = [.. timesteps.Select(timestep => LevelAt(schedule, timestep))];
        return Run();

        IEnumerable<NoisePredictionLoss> Run()
        {
            long first = RandomSeed.Resolve(seed);
            int height = latent.Tensor.Shape[2], width = latent.Tensor.Shape[3];
            GenerationInfo size = new() { Width = width * model.Info.LatentFactor, Height = height * model.Info.LatentFactor };
            using UNetInput input = unet.CreateInput(height, width, added: null, model.Info.GuidanceScale);
            using UNetPrediction prediction = unet.Bind(input, embedding.Vectors, TimeIds.Of(model.Family, size, isNegative: false));
            for (int index = 0; index < levels.Length; index++)
            {
                progress?.Invoke(index);
                yield return At(levels[index], first, input, prediction);
            }
        }

        NoisePredictionLoss At(TrainingLevel level, long first, UNetInput input, UNetPrediction prediction)
        {
            CallLevel meaning = CallLevel.Mixed(_settings.PredictionType, level.CleanScale, level.NoiseScale);
            double[] losses = new double[repeat], noiseLosses = new double[repeat];
            (Tensor Noise, Tensor Guess, Tensor Clean)? kept = null;
            for (int i = 0; i < repeat; i++)
            {
                Tensor noise = ForwardProcess.Draw(latent.Tensor.Shape, unchecked(first + i), source);
                Tensor sample = ForwardProcess.Mix(latent.Tensor, noise, level.CleanScale, level.NoiseScale);
                sample.Span.CopyTo(input.Sample.Values);
                input.Upload(level.Timestep!.Value);
                float[] output = prediction.Run(number: 0, cancellationToken).ToArray();
                if (!TensorPrimitives.IsFiniteAll<float>(output))
                    throw new InferenceException("The U-Net returned values that are not finite. The model's weights are damaged or too large for half precision.");
                Tensor guess = new([.. sample.Shape]);
                VectorMath.Combine(guess.Span, sample.Span, meaning.Noise.Sample, output, meaning.Noise.Output);
                losses[i] = MeanSquare(Target(latent.Tensor, noise, level), output);
                noiseLosses[i] = MeanSquare(noise.Values, guess.Values);
                if (kept is null)
                {
                    Tensor clean = new([.. sample.Shape]);
                    VectorMath.Combine(clean.Span, sample.Span, meaning.Clean.Sample, output, meaning.Clean.Output);
                    kept = (noise, guess, clean);
                }
            }

            double mean = losses.Average();
            return new NoisePredictionLoss
            {
                Timestep = level.Timestep!.Value,
                Sigma = level.Sigma,
                AlphaCumprod = level.CleanScale * level.CleanScale,
                SignalToNoise = 1 / (level.Sigma * level.Sigma),
                PredictionType = _settings.PredictionType,
                Loss = mean,
                StandardDeviation = repeat == 1 ? 0 : Math.Sqrt(losses.Sum(loss => (loss - mean) * (loss - mean)) / (repeat - 1)),
                NoiseLoss = noiseLosses.Average(),
                Seed = first,
                Repeat = repeat,
                Prompt = embedding.Prompt,
                Model = model.Info.Name,
                Noised = ForwardProcess.Add(latent, level, first, source, model.Info.Name),
                Denoised = new Latent(kept!.Value.Clean, latent.Info with { Stages = StageList.Unknown(StageList.Hash<float>(kept.Value.Clean.Span)) }) { Maker = model.Info.Mark },
                Noise = kept.Value.Noise,
                NoisePrediction = kept.Value.Guess,
            };
        }
    }

    private float[] Target(Tensor clean, Tensor noise, TrainingLevel level) => _settings.PredictionType switch
    {
        PredictionType.Sample => clean.Values,
        PredictionType.Velocity => ForwardProcess.Mix(clean, noise, -level.NoiseScale, level.CleanScale).Values,
        _ => noise.Values,
    };

    private static double MeanSquare(float[] one, float[] other)
    {
        double sum = 0;
        for (int i = 0; i < one.Length; i++)
            sum += ((double)one[i] - other[i]) * ((double)one[i] - other[i]);
        return sum / one.Length;
    }

    private static TrainingLevel LevelAt(NoiseSchedule schedule, int timestep)
    {
        Setting.CheckRange("Timestep", timestep, 0, schedule.Length - 1);
        return TrainingLevel.At(schedule, timestep);
    }

    private static void CheckSeed(long? seed)
    {
        if (seed is not null)
            SettingTable.Find(nameof(GenerationSettings.Seed)).Check(seed);
    }

    private void Check(Latent latent)
    {
        if (latent.Tensor.Shape[1] != model.Info.LatentChannels)
            throw new ShapeMismatchException($"The model '{model.Info.Name}' takes latents of {model.Info.LatentChannels} channels, not {latent.Tensor}. Make the latent with the same model.");
        if (!latent.IsComplete)
            throw new InvalidSettingException(nameof(Latent), $"The denoising of the latent was stopped at step {latent.Step} of {latent.StepCount}, so that it has noise already. Give one that is denoised to the end, or encoded from an image.");
        latent.CheckFinite();
    }
}
