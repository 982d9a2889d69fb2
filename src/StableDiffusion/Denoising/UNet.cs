using StableDiffusion.Families;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>
/// The U-Net: from a noisy latent, a timestep and a text embedding it predicts the noise or, depending on the prediction type of
/// the model, the clean latent or the velocity. Source: Ronneberger et al., arXiv 1505.04597; Rombach et al., arXiv 2112.10752.
/// </summary>
internal sealed class UNet : IDisposable
{
    private const int DefaultChannels = 4;
    private const int MostChannels = 256;

    // The inputs that a ControlNet has too; the last two are those of SDXL.
    internal static readonly GraphInput SampleInput = new("sample", 4);
    internal static readonly GraphInput EmbeddingInput = new("encoder_hidden_states", 3);
    internal static readonly GraphInput PooledTextInput = new("text_embeds", 2);
    internal static readonly GraphInput SizesInput = new("time_ids", 2);

    private const int DefaultGuidanceWidth = 256;
    private const int MostGuidanceWidth = 4096;
    private const int MostFeatureChannels = 4096;

    private static readonly GraphInput s_guidanceInput = new("timestep_cond", 2);
    private static readonly GraphInput s_featuresInput = new(DeepFeatures.Input, 4);

    private readonly OnnxSession _session;
    private readonly OnnxValueInfo _sample;
    private readonly OnnxValueInfo _timestep;
    private readonly OnnxValueInfo _embedding;
    private readonly OnnxValueInfo? _pooledText;
    private readonly OnnxValueInfo? _sizes;
    private readonly OnnxValueInfo? _guidance;
    private readonly OnnxValueInfo? _features;
    private readonly OnnxValueInfo _output;

    private readonly IReadOnlyList<int> _residualLevels;

    /// <summary>What its graph must have as inputs: a latent, a timestep and a text embedding.</summary>
    public static GraphInput[] RequiredInputs { get; } = [SampleInput, GraphInput.Timestep, EmbeddingInput];

    /// <summary>Initializes the U-Net.</summary>
    /// <param name="session">The graph.</param>
    /// <param name="skipLevels">How often the latent is halved for each skip connection; required if the graph has inputs for the residuals of ControlNets.</param>
    internal UNet(OnnxSession session, IReadOnlyList<int>? skipLevels = null)
    {
        Residuals = ControlResiduals.Find(session, session.Inputs);
        _residualLevels = skipLevels is null ? [] : [.. skipLevels, skipLevels[^1]];
        _session = session;
        _sample = session.Input(SampleInput);
        _timestep = session.Input(GraphInput.Timestep);
        _embedding = session.Input(EmbeddingInput);
        _pooledText = session.FindInput(PooledTextInput);
        _sizes = session.FindInput(SizesInput);
        _guidance = session.FindInput(s_guidanceInput);
        _features = session.FindInput(s_featuresInput);
        _output = session.Output(4, "out_sample", "noise_pred");
        if (_guidance?.Dimensions[1] is int guidance and not -1 && (guidance is < 4 or > MostGuidanceWidth || guidance % 2 != 0))
            throw new ModelInvalidException($"'{_guidance.Name}' of the graph '{session.Path}' has a width of {guidance}, and the embedding of a guidance scale has an even one from 4 to {MostGuidanceWidth}. Get another model.");
        Channels = Known(_sample, session);
        LatentChannels = Known(_output, session);
    }

    /// <summary>The number of channels of the input; 4 for text-to-image models.</summary>
    public int Channels { get; }

    /// <summary>The number of channels of the latent that is denoised; 4 for Stable Diffusion.</summary>
    public int LatentChannels { get; }

    /// <summary>The width of the text embedding; -1 if the graph leaves it open.</summary>
    public int EmbeddingWidth => _embedding.Dimensions[^1];

    /// <summary>Whether it also has inputs for the pooled text embedding and the image sizes, as for SDXL.</summary>
    public bool TakesPooledText => _pooledText is not null;

    /// <summary>Whether the guidance scale is an input, so that there are no predictions for the negative prompt (LCM).</summary>
    public bool TakesGuidance => _guidance is not null;

    /// <summary>Why its runs are not recorded on an NVIDIA card, although that is wanted; null if they are, or it is not wanted.</summary>
    internal string? RecordingFault => _session.RecordingFault;

    /// <summary>Takes what is to be said of recorded runs since the last call.</summary>
    /// <returns>A sentence without its subject, which is the U-Net; null for nothing.</returns>
    internal string? TakeRecordingNote() => _session.TakeRecordingNote();

    /// <summary>The kind of its input channels besides the noisy latent; null if not known.</summary>
    internal ModelVariant? Variant => ModelVariants.Find(Channels, LatentChannels);

    /// <summary>The inputs for the residuals of ControlNets; empty for the U-Net without them.</summary>
    internal IReadOnlyList<OnnxValueInfo> Residuals { get; }

    /// <summary>Whether it can predict for several rows at once, each with its own timestep: the graph leaves the number of rows open.</summary>
    internal bool TakesBatches => _timestep.Rank == 1 && BatchValues.All(static value => value.Dimensions[0] <= 0);

    /// <summary>Observes values inside the graph; null for no observation.</summary>
    internal UNetObserver? Observer { get; init; }

    /// <summary>Allocates the inputs for predictions on latents of one size.</summary>
    /// <param name="height">The height of the latent, an eighth of the image's.</param>
    /// <param name="width">The width of the latent.</param>
    /// <param name="added">The input channels besides the latent, [1, channels, height, width], the same at every step. Null for none: a U-Net that edits images then gets zeros, as in a part of its training.</param>
    /// <param name="guidanceScale">The guidance scale, for a U-Net that takes it as an input.</param>
    /// <exception cref="ModelInvalidException">It has inputs of unknown meaning.</exception>
    internal UNetInput CreateInput(int height, int width, Tensor? added, double guidanceScale = Guidance.NeutralScale)
    {
        if ((added?.Shape[1] ?? 0) != Channels - LatentChannels && !(added is null && Variant == ModelVariant.InstructPix2Pix))
            throw new ModelInvalidException($"The U-Net has {Channels} input channels, {LatentChannels} of them for the latent; the meaning of the others is not known. Use a model for text-to-image, inpainting or instruct-pix2pix.");

        OnnxBuffer sample = new(_sample.ElementType, 1, Channels, height, width);
        added?.Span.CopyTo(sample.Values.AsSpan(LatentChannels * height * width));
        OnnxBuffer timestep = _timestep.Rank == 0 ? new OnnxBuffer(_timestep.ElementType) : new OnnxBuffer(_timestep.ElementType, 1);
        OnnxBuffer? guidance = _guidance is null
            ? null
            : new OnnxBuffer(GuidanceEmbedding.Of(guidanceScale, GuidanceWidth), _guidance.ElementType);
        return new UNetInput(sample, timestep, guidance, CreateResiduals(rows: 1, height, width));
    }

    /// <summary>Binds inputs and a text embedding, for one prediction per step. Not thread-safe.</summary>
    /// <param name="input">The sample and the timestep; several bindings may share them.</param>
    /// <param name="text">The text embedding.</param>
    /// <param name="sizes">The image sizes, if the U-Net uses them.</param>
    /// <param name="control">The ControlNets bound to the same text, which run before each prediction; disposed with the binding.</param>
    /// <param name="reuse">The outer layers that make some of the predictions; null if the whole U-Net makes all.</param>
    internal UNetPrediction Bind(UNetInput input, TextVectors text, float[] sizes, ControlRun? control = null, FeatureReuse? reuse = null)
    {
        List<(OnnxValueInfo Info, OnnxBuffer Buffer)> own = [(_embedding, new OnnxBuffer(text.HiddenStates, _embedding.ElementType))];
        if (_pooledText is not null)
            own.Add((_pooledText, new OnnxBuffer(text.PooledState!, _pooledText.ElementType)));
        if (_sizes is not null)
            own.Add((_sizes, new OnnxBuffer(new Tensor(sizes, 1, sizes.Length), _sizes.ElementType)));

        OnnxBuffer output = new(_output.ElementType, 1, LatentChannels, input.Height, input.Width);
        (OnnxValueInfo Info, OnnxBuffer Buffer)[] observed = Observer is null
            ? []
            : [.. Observer.Outputs.Select(name => _session.Output(name)).Select(info => (info, new OnnxBuffer(info.ElementType, [.. info.Dimensions])))];
        (OnnxValueInfo Info, OnnxBuffer Buffer)[] features = reuse is null ? [] : [CreateFeatures(reuse.Branch, rows: 1, input.Height, input.Width)];
        (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs = [.. Common(input), .. Residuals.Zip(input.Residuals), .. own];
        OnnxCall call = _session.Bind([(_output, output), .. observed, .. features], inputs);
        OuterCall? outer = reuse is null ? null : reuse.OuterLayers.BindOuter([.. Common(input).Concat(own).Select(static item => item.Buffer)], features[0].Buffer, output, reuse.Interval);
        return new UNetPrediction(call, inputs, output, [.. own.Concat(observed).Concat(features).Select(item => item.Buffer)], control, outer, Observe);

        void Observe()
        {
            foreach ((OnnxValueInfo info, OnnxBuffer buffer) in observed)
            {
                buffer.Download();
                Observer!.Note(info.Name, buffer.Values);
            }
        }
    }

    /// <summary>Binds memory for a number of rows that are predicted at once. Not thread-safe.</summary>
    /// <param name="items">As many items as there are rows, whose texts have the same number of tokens.</param>
    /// <param name="height">The height of the latents.</param>
    /// <param name="width">The width of the latents.</param>
    internal UNetBatch CreateBatch(IReadOnlyList<UNetBatchItem> items, int height, int width)
    {
        int rows = items.Count;
        UNetBatchItem first = items[0];
        OnnxBuffer sample = new(_sample.ElementType, rows, Channels, height, width);
        OnnxBuffer timestep = new(_timestep.ElementType, rows);
        OnnxBuffer embedding = new(_embedding.ElementType, rows, first.Text.HiddenStates.Shape[1], first.Text.HiddenStates.Shape[2]);
        OnnxBuffer? pooled = _pooledText is null ? null : new OnnxBuffer(_pooledText.ElementType, rows, first.Text.PooledState!.Shape[1]);
        OnnxBuffer? sizes = _sizes is null ? null : new OnnxBuffer(_sizes.ElementType, rows, first.Sizes.Length);
        OnnxBuffer? guidance = _guidance is null ? null : new OnnxBuffer(_guidance.ElementType, rows, GuidanceWidth);
        OnnxBuffer output = new(_output.ElementType, rows, LatentChannels, height, width);
        List<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs = [(_sample, sample), (_timestep, timestep), (_embedding, embedding)];
        if (guidance is not null)
            inputs.Insert(2, (_guidance!, guidance));
        if (pooled is not null)
            inputs.Add((_pooledText!, pooled));
        if (sizes is not null)
            inputs.Add((_sizes!, sizes));
        (OnnxValueInfo Info, OnnxBuffer Buffer)[] features = first.Reuse is null ? [] : [CreateFeatures(first.Reuse.Branch, rows, height, width)];
        OuterCall? outer = first.Reuse?.OuterLayers.BindOuter([.. inputs.Select(static item => item.Buffer)], features[0].Buffer, output, first.Reuse.Interval);
        ControlBatch? control = first.Controls.Count == 0 ? null : new(items, CreateResiduals(rows, height, width), height, width);
        OnnxCall call = _session.Bind([(_output, output), .. features], [.. inputs, .. Residuals.Zip(control?.Sums ?? [])]);
        return new UNetBatch(call, sample, timestep, embedding, pooled, sizes, guidance, output, control, features.FirstOrDefault().Buffer, outer);
    }

    private int GuidanceWidth => _guidance!.Dimensions[1] is > 0 and int known ? known : DefaultGuidanceWidth;

    private IEnumerable<OnnxValueInfo> BatchValues => new[] { _sample, _timestep, _embedding, _pooledText, _sizes, _guidance, _features, _output }.OfType<OnnxValueInfo>().Concat(Residuals);

    /// <summary>Throws if the outer layers do not take what the whole U-Net takes, besides the features that it makes.</summary>
    /// <param name="outer">The outer layers.</param>
    /// <param name="branch">Their branch.</param>
    /// <exception cref="ModelInvalidException">The graphs do not belong together.</exception>
    internal void CheckOuter(UNet outer, int branch)
    {
        OnnxValueInfo made = _session.Output(4, DeepFeatures.Output(branch));
        bool belongs = outer._features is OnnxValueInfo taken && taken.ElementType == made.ElementType && taken.Dimensions[1] == made.Dimensions[1]
            && outer.Channels == Channels && outer.LatentChannels == LatentChannels
            && IsAlike(outer._sample, _sample) && IsAlike(outer._timestep, _timestep) && IsAlike(outer._embedding, _embedding)
            && IsAlike(outer._pooledText, _pooledText) && IsAlike(outer._sizes, _sizes) && IsAlike(outer._guidance, _guidance) && IsAlike(outer._output, _output);
        if (!belongs)
            throw new ModelInvalidException($"The graphs '{_session.Path}' and '{outer._session.Path}' do not belong together: their inputs or outputs differ. Import the model again, or omit FeatureReuse.");

        static bool IsAlike(OnnxValueInfo? one, OnnxValueInfo? other) => one?.ElementType == other?.ElementType && one?.Rank == other?.Rank;
    }

    /// <summary>Binds this U-Net's outer layers to the memory of the whole one.</summary>
    /// <param name="inputs">The inputs of the whole one, without residuals: those that all texts have in common, and those of the text.</param>
    /// <param name="features">The features that the whole one makes.</param>
    /// <param name="output">The prediction.</param>
    /// <param name="interval">The whole one runs in every call whose number is a multiple of it.</param>
    private OuterCall BindOuter(IReadOnlyList<OnnxBuffer> inputs, OnnxBuffer features, OnnxBuffer output, int interval)
    {
        IEnumerable<OnnxValueInfo> infos = new[] { _sample, _timestep, _guidance, _embedding, _pooledText, _sizes, _features }.OfType<OnnxValueInfo>();
        return new OuterCall(_session.Bind([(_output, output)], [.. infos.Zip([.. inputs, features])]), interval);
    }

    // What all texts have in common.
    private IEnumerable<(OnnxValueInfo Info, OnnxBuffer Buffer)> Common(UNetInput input) =>
        new[] { (_sample, input.Sample), (_timestep, input.Timestep) }.Concat(_guidance is null ? [] : [(_guidance, input.Guidance!)]);

    private (OnnxValueInfo Info, OnnxBuffer Buffer) CreateFeatures(int branch, int rows, int height, int width)
    {
        OnnxValueInfo info = _session.Output(4, DeepFeatures.Output(branch));
        if (info.Dimensions[1] is < 1 or > MostFeatureChannels || (long)rows * info.Dimensions[1] * height * width * sizeof(float) > int.MaxValue)
            throw new ModelInvalidException($"'{info.Name}' of the graph '{_session.Path}' has the shape [{string.Join(", ", info.Dimensions)}], which features of a U-Net do not have at {width}x{height}. Get another model, or omit FeatureReuse.");
        return (info, _session.AllocateShared(info, rows, info.Dimensions[1], height, width));
    }

    /// <summary>Releases the graph.</summary>
    public void Dispose() => _session.Dispose();

    private OnnxBuffer[] CreateResiduals(int rows, int height, int width)
    {
        return [.. Residuals.Select((residual, i) => Create(residual, _residualLevels[i], height, width))];

        // A convolution with a stride of 2 rounds odd sizes up.
        OnnxBuffer Create(OnnxValueInfo residual, int level, int height, int width)
        {
            for (; level > 0; level--)
                (height, width) = ((height + 1) / 2, (width + 1) / 2);
            return new OnnxBuffer(residual.ElementType, rows, residual.Dimensions[1], height, width);
        }
    }

    // Some exporters leave all axes open.
    private static int Known(OnnxValueInfo value, OnnxSession session) => value.Dimensions[1] switch
    {
        <= 0 => DefaultChannels,
        <= MostChannels and int channels => channels,
        int channels => throw new ModelInvalidException($"'{value.Name}' of the graph '{session.Path}' has {channels} channels, more than any U-Net. Get another model."),
    };
}
