using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Quantization;

/// <summary>
/// Finds the ranges of a U-Net's convolutions: denoises the latents of a few images with typical prompts and the model's own schedule and
/// guidance, and records the lowest and highest values.
/// </summary>
/// <param name="model">The model, whose text encoder and configs are in its folder.</param>
/// <param name="session">The U-Net in floats, with the outputs of <see cref="CalibrationMatMul"/>.</param>
/// <param name="paths">The convolutions.</param>
/// <param name="source">The file or folder of the U-Net's weights, for messages.</param>
internal sealed class Calibration(DiffusionModel model, OnnxSession session, IReadOnlyList<string> paths, string source)
{
    private const string SchedulerName = "Euler";
    private const int Steps = 6;

    private static readonly string[] s_prompts =
    [
        "a red house on the grass in daylight",
        "a photo of a cat at night",
        "a portrait of a woman, oil painting",
        "a blue car and a tree under a cloudy sky",
    ];

    private readonly Dictionary<string, ConvolutionRanges> _ranges = [];

    /// <summary>Runs the calibration.</summary>
    /// <param name="progress">Receives the progress, 0 to 1.</param>
    /// <param name="cancellationToken">Cancels it within about two seconds.</param>
    /// <returns>The ranges by path.</returns>
    /// <exception cref="ModelInvalidException">The U-Net has inputs other than a latent and a masked image, or returns values that are not finite.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or a latent is not finite.</exception>
    public IReadOnlyDictionary<string, ConvolutionRanges> Run(Action<double> progress, CancellationToken cancellationToken)
    {
        Dictionary<string, string> pathOf = paths.ToDictionary(CalibrationMatMul.OutputName);
        UNet unet = new(session) { Observer = new UNetObserver([.. pathOf.Keys], (output, values) => Note(pathOf[output], values)) };
        Denoiser denoiser = new(unet);
        TextEncoder encoder = model.OpenTextEncoder(null, cancellationToken);
        Conditioning empty = Encode(string.Empty);
        for (int i = 0; i < s_prompts.Length; i++)
        {
            int done = i;
            DenoiseRequest request = CreateRequest(unet, Encode(s_prompts[i]), empty, seed: i);
            denoiser.Run(request, step => progress((done + ((step.Call + 1.0) / Steps)) / s_prompts.Length), cancellationToken);
        }

        return _ranges;

        Conditioning Encode(string prompt) => Conditioning.Of(encoder.Encode(prompt, null, cancellationToken).Vectors) with
        {
            Sizes = TimeIds.Of(model.Family, new GenerationInfo { Width = model.Info.Width, Height = model.Info.Height }, isNegative: false),
        };
    }

    private DenoiseRequest CreateRequest(UNet unet, Conditioning prompt, Conditioning empty, long seed)
    {
        Scheduler scheduler = SchedulerCatalog.Create(SchedulerCatalog.Find(SchedulerName), model.SchedulerConfig, Steps);
        TorchRandom noise = new(seed);
        Tensor latent = new(1, unet.LatentChannels, model.Info.Height / model.Info.LatentFactor, model.Info.Width / model.Info.LatentFactor);
        noise.Normal(latent.Span);
        TensorPrimitives.Multiply(latent.Span, scheduler.InitNoiseSigma, latent.Span);
        return new DenoiseRequest
        {
            Sample = latent,
            Positive = prompt,
            Negative = empty,
            Scheduler = scheduler,
            Noise = noise,
            Settings = new GenerationSettings { GuidanceScale = model.Info.GuidanceScale },
            NextCall = 0,
            StopCall = scheduler.Timesteps.Count,
            AddedChannels = HideEverything(unet, latent),
        };
    }

    /// <summary>The extra inputs of inpainting U-Nets: a mask of the whole image, and the latent of the empty image. Null for other U-Nets.</summary>
    private static Tensor? HideEverything(UNet unet, Tensor latent)
    {
        if (unet.Channels == unet.LatentChannels || unet.Variant == ModelVariant.InstructPix2Pix)
            return null;
        if (unet.Variant != ModelVariant.Inpainting)
            throw new ModelInvalidException($"The U-Net takes {unet.Channels} channels, {unet.LatentChannels} of them the latent; the other channels are unknown, so the U-Net cannot be calibrated. Build the model in full or half precision.");

        (int height, int width) = (latent.Shape[2], latent.Shape[3]);
        Tensor added = new(1, 1 + unet.LatentChannels, height, width);
        added.Span[..(height * width)].Fill(1);
        return added;
    }

    private void Note(string path, float[] values)
    {
        if (!values.All(float.IsFinite))
            throw new ModelInvalidException($"The U-Net of '{source}' gave values that are not finite at '{path}' during the calibration. Its weights are damaged.");

        ConvolutionRanges seen = new(new ActivationRange(values[0], values[1]), new ActivationRange(values[2], values[3]));
        _ranges[path] = _ranges.TryGetValue(path, out ConvolutionRanges known) ? known.Join(seen) : seen;
    }
}
