using StableDiffusion.Denoising;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Quantization;

/// <summary>
/// Finds the ranges of a U-Net's convolutions: makes a few pictures' latents with the model's own prompts, schedule and
/// guidance, as a user would, and takes the lowest and highest values that are seen.
/// </summary>
/// <param name="model">The model, whose text encoder and configs lie in its folder.</param>
/// <param name="unet">The U-Net in floats, with the outputs of <see cref="CalibrationMatMul"/>.</param>
/// <param name="paths">The convolutions.</param>
internal sealed class Calibration(DiffusionModel model, OnnxSession unet, IReadOnlyList<string> paths)
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

    private readonly OnnxValueInfo _sample = unet.Input("sample");
    private readonly OnnxValueInfo _timestep = unet.Input("timestep");
    private readonly OnnxValueInfo _text = unet.Input("encoder_hidden_states");
    private readonly OnnxValueInfo[] _outputs = [unet.Output("out_sample"), .. paths.Select(path => unet.Output(CalibrationMatMul.OutputName(path)))];
    private readonly Dictionary<string, ConvolutionRanges> _ranges = [];

    /// <summary>Runs it.</summary>
    /// <param name="progress">Is told how much is done, 0 to 1.</param>
    /// <param name="cancellationToken">Stops it within milliseconds.</param>
    /// <returns>The ranges by path.</returns>
    /// <exception cref="ModelInvalidException">The U-Net takes more than a latent or a masked picture, or gives values that are not finite.</exception>
    public IReadOnlyDictionary<string, ConvolutionRanges> Run(Action<double> progress, CancellationToken cancellationToken)
    {
        TextEncoder encoder = model.OpenTextEncoder(null, cancellationToken);
        TextVectors empty = encoder.Encode(string.Empty, null, cancellationToken).Vectors;
        for (int i = 0; i < s_prompts.Length; i++)
        {
            TextVectors prompt = encoder.Encode(s_prompts[i], null, cancellationToken).Vectors;
            Follow(prompt, empty, seed: i, step => progress((i + ((step + 1.0) / Steps)) / s_prompts.Length), cancellationToken);
        }

        return _ranges;
    }

    private void Follow(TextVectors prompt, TextVectors empty, long seed, Action<int> afterStep, CancellationToken cancellationToken)
    {
        int channels = _outputs[0].Dimensions[1];
        (int height, int width) = (model.Info.Height / model.Info.LatentFactor, model.Info.Width / model.Info.LatentFactor);
        Scheduler scheduler = SchedulerCatalog.Create(SchedulerCatalog.Find(SchedulerName), model.SchedulerConfig, Steps);
        TorchRandom noise = new(seed);
        Tensor latent = new(1, channels, height, width);
        noise.Normal(latent.Span);
        TensorPrimitives.Multiply(latent.Span, scheduler.InitNoiseSigma, latent.Span);
        Tensor sample = new(1, _sample.Dimensions[1], height, width);
        HideEverything(sample, channels);

        bool isGuided = model.Info.GuidanceScale > Guidance.NeutralScale;
        Guidance guidance = new(latent.Length, new GenerationSettings { GuidanceScale = model.Info.GuidanceScale });
        for (int call = 0; call < scheduler.Timesteps.Count; call++)
        {
            scheduler.ScaleModelInput(latent.Span, call, sample.Span[..latent.Length]);
            ReadOnlySpan<float> prediction = Predict(sample, scheduler.Timesteps[call], prompt, cancellationToken).Span;
            if (isGuided)
            {
                guidance.Begin(prediction, Predict(sample, scheduler.Timesteps[call], empty, cancellationToken).Span, weight: 1);
                prediction = guidance.End();
            }

            scheduler.Step(prediction, call, latent.Span, noise);
            afterStep(call);
        }
    }

    /// <summary>For U-Nets of inpainting: a mask that covers all of the picture, of which nothing is left. For those that edit a picture: none.</summary>
    private static void HideEverything(Tensor sample, int channels)
    {
        int added = sample.Shape[1] - channels;
        if (added == 0 || added == channels)
            return;
        if (added != channels + 1)
            throw new ModelInvalidException($"The U-Net takes {sample.Shape[1]} channels, {channels} of them the latent, and what to try it with in the others is not known. Build the model in full or half precision.");

        int area = sample.Shape[2] * sample.Shape[3];
        sample.Span.Slice(channels * area, area).Fill(1);
    }

    private Tensor Predict(Tensor sample, float timestep, TextVectors text, CancellationToken cancellationToken)
    {
        List<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs =
        [
            (_sample, new OnnxBuffer(sample, _sample.ElementType)),
            (_timestep, new OnnxBuffer(new Tensor([timestep], 1), _timestep.ElementType)),
            (_text, new OnnxBuffer(text.HiddenStates, _text.ElementType)),
        ];
        if (unet.Inputs.ContainsKey("time_ids"))
        {
            float[] sizes = TimeIds.Of(model.Family, new GenerationInfo { Width = model.Info.Width, Height = model.Info.Height }, isNegative: false);
            inputs.Add((unet.Input("text_embeds"), new OnnxBuffer(text.PooledState!, _text.ElementType)));
            inputs.Add((unet.Input("time_ids"), new OnnxBuffer(new Tensor(sizes, 1, sizes.Length), _text.ElementType)));
        }

        try
        {
            Tensor[] results = unet.Run(_outputs, cancellationToken, [.. inputs]);
            for (int i = 0; i < paths.Count; i++)
                Note(paths[i], results[i + 1]);
            return results[0];
        }
        finally
        {
            inputs.ForEach(input => input.Buffer.Dispose());
        }
    }

    private void Note(string path, Tensor values)
    {
        if (!values.IsFinite())
            throw new ModelInvalidException($"The U-Net gave values that are not finite at '{path}' when it was tried for the ranges of its values. Its weights are damaged.");

        ConvolutionRanges seen = new(new ActivationRange(values.Values[0], values.Values[1]), new ActivationRange(values.Values[2], values.Values[3]));
        _ranges[path] = _ranges.TryGetValue(path, out ConvolutionRanges known) ? known.Join(seen) : seen;
    }
}
