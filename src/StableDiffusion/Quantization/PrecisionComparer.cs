using System.Diagnostics;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Text;

namespace StableDiffusion.Quantization;

/// <summary>Compares a model's precision with full precision, by the pictures that both make on the processor and the time that they take.</summary>
internal static class PrecisionComparer
{
    /// <summary>How many seeds are compared, from 0 on.</summary>
    public const int Seeds = 8;

    /// <summary>Makes pictures with both models, one after the other, from the same prompt and seeds.</summary>
    /// <param name="reference">The model in full precision.</param>
    /// <param name="compared">The same model in another precision.</param>
    /// <param name="prompt">What the pictures show.</param>
    /// <param name="options">How to denoise; its seed is not looked at.</param>
    /// <param name="cacheFolder">The folder in which the hashes of the models' files are remembered; null reads all files.</param>
    /// <param name="progress">Is told before each picture how many of two times <see cref="Seeds"/> are made; may be null.</param>
    /// <param name="cancellationToken">Stops it within milliseconds.</param>
    /// <returns>The comparison.</returns>
    /// <exception cref="ImageInvalidException">The models make pictures of different sizes.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or values became infinite.</exception>
    public static PrecisionComparison Run(
        ModelInfo reference,
        ModelInfo compared,
        string prompt,
        DenoiseOptions options,
        string? cacheFolder = null,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(compared);
        ArgumentNullException.ThrowIfNull(options);

        // Both at once would not fit the memory of many a machine.
        (DiffusionImage Image, TimeSpan Step)[] expected = MakePictures(reference, made: 0);
        (DiffusionImage Image, TimeSpan Step)[] actual = MakePictures(compared, made: Seeds);
        return new PrecisionComparison([.. expected.Zip(actual, (full, other) => (full, other)).Select((pair, seed) => new PrecisionDistance(
            seed, ImageDistance.Psnr(pair.full.Image, pair.other.Image), ImageDistance.Ssim(pair.full.Image, pair.other.Image), pair.other.Step, pair.full.Step))]);

        (DiffusionImage, TimeSpan)[] MakePictures(ModelInfo info, int made)
        {
            progress?.Invoke(made);
            using DiffusionModel model = new(info, Device.Cpu) { CacheFolder = cacheFolder };
            DiffusionPipeline pipeline = new(model);
            TextEmbedding embedding = pipeline.EncodePrompt(prompt, cancellationToken: cancellationToken);

            // What is opened, and first compiled, is left out of the times.
            pipeline.Denoise(embedding, null, null, options with { Seed = 0, StopStep = 1 }, null, cancellationToken);
            (DiffusionImage, TimeSpan)[] pictures = new (DiffusionImage, TimeSpan)[Seeds];
            for (int seed = 0; seed < Seeds; seed++)
            {
                long start = Stopwatch.GetTimestamp();
                Latent latent = pipeline.Denoise(embedding, null, null, options with { Seed = seed }, null, cancellationToken);
                TimeSpan step = Stopwatch.GetElapsedTime(start) / latent.Step;
                pictures[seed] = (pipeline.Decode(latent, cancellationToken), step);
                progress?.Invoke(made + seed + 1);
            }

            return pictures;
        }
    }
}
