using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// Writes latents as safetensors files with all that is needed to go on in another process: the values, the record, and of a
/// denoising that was stopped, its state. Also reads the <c>.latent</c> files of ComfyUI. Thread-safe.
/// </summary>
public static class LatentFile
{
    private const string Format = "StableDiffusion.Latent";
    private const int Version = 1;
    private const string Record = "record";
    private const string Head = "latent";
    private const string Values = "latent";
    private const string Source = "source";
    private const string Pixels = "pixels";
    private const string Mean = "mean";
    private const string SchedulerPart = "scheduler";
    private const string NoisePart = "noise";
    private const string InpaintingPart = "inpainting";
    private const string AddedChannels = "added_channels";

    private const int MostChannels = 256;

    /// <summary>Four times as many values as the latents of the largest images have.</summary>
    private const long MostValues = 1 << 26;

    /// <summary>More steps than any scheduler takes.</summary>
    private const int MostSteps = 2 * SchedulerCatalog.MaxSteps;

    private static readonly StateFile s_file = new(static (message, cause) => new LatentInvalidException(message, cause));

    /// <summary>Writes a latent to a file, completely or not at all.</summary>
    /// <param name="latent">The latent.</param>
    /// <param name="path">The file, whose name ends in .safetensors.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <returns>The full path of the file, which is also the latent's <see cref="Latent.Path"/> now.</returns>
    /// <exception cref="NotFiniteException">A value of the latent is NaN or infinite.</exception>
    /// <exception cref="InvalidSettingException">A setting of its record is out of range, or the name has another ending.</exception>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written; no partial file remains.</exception>
    public static string Write(Latent latent, string path, bool overwrite = false) => latent.Path = StateFile.Write(Compose(latent), path, overwrite);

    /// <summary>Writes a latent as <see cref="Write"/> does, under the first free numbered name if its own is taken.</summary>
    /// <inheritdoc cref="Write"/>
    internal static string WriteNumbered(Latent latent, string path) => latent.Path = StateFile.WriteNumbered(Compose(latent), path);

    /// <summary>The bytes that <see cref="Write"/> writes.</summary>
    /// <inheritdoc cref="Write"/>
    public static byte[] ToBytes(Latent latent) => Compose(latent, keepsPaths: true).ToBytes();

    /// <summary>Reads the latents of a file.</summary>
    /// <param name="path">A file of this library or, if <paramref name="space"/> is given, of ComfyUI.</param>
    /// <param name="space">The model that latents of ComfyUI are for, asked for when the file is one of them; null refuses such files.</param>
    /// <param name="warning">Receives warnings about what of the record is not used; may be null.</param>
    /// <returns>One latent, or those of a batch of ComfyUI. Models and adapters are known by their names, since nobody may name a path to open in a file.</returns>
    /// <exception cref="LatentInvalidException">The file cannot be read, is damaged, or is not a latent; the message says which.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static IReadOnlyList<Latent> Read(string path, Func<LatentSpace>? space = null, Action<string>? warning = null)
    {
        if (!s_file.Read(path, ComfyLatent.Recognises))
            return [s_file.Read(path, file => ReadOwn(file, info => WithoutPaths(info, warning), file.Path))];
        if (space is null)
            throw new LatentInvalidException($"'{path}' is a latent of ComfyUI, which can only be read for a model.");

        // An error of the model is not one of the file.
        LatentSpace known = space();
        return s_file.Read(path, file => ComfyLatent.Read(file, known));
    }

    /// <summary>Reads the bytes that <see cref="ToBytes"/> returned.</summary>
    /// <param name="bytes">The bytes. Paths in them are trusted as those in a parameter are, unlike those in a file.</param>
    /// <returns>The latent.</returns>
    /// <exception cref="LatentInvalidException">The bytes are damaged, or not those of a latent.</exception>
    public static Latent FromBytes(byte[] bytes) => s_file.Read("serialized latent", bytes, static file => ReadOwn(file, static info => info));

    /// <summary>The bytes that <see cref="Write"/> writes, for this library alone to go on with.</summary>
    /// <param name="latent">The latent.</param>
    internal static byte[] ToState(Latent latent) => Compose(latent).ToBytes();

    private static StateWriter Compose(Latent latent, bool keepsPaths = false)
    {
        ArgumentNullException.ThrowIfNull(latent);
        latent.CheckFinite();
        SettingTable.Check(latent.Info);
        DenoiseState? state = latent.State;
        StateWriter writer = new(Format, Version);
        writer.Add(Record, GenerationRecord.Write(keepsPaths ? latent.Info : RecordedNames.Only(latent.Info)));
        writer.AddJson(Head, new LatentHead
        {
            Steps = state is null ? latent.StepCount : 0,
            Maker = latent.Maker,
            Stopped = state is null ? null : new StoppedRun(state.Scheduler.Recipe!, state.OriginCall, state.NextCall),
        });
        writer.Add(Values, latent.Tensor);
        StateWriter source = writer.Part(Source);
        source.Add(Pixels, latent.SourcePixels);
        source.Add(Mean, latent.SourceMean);
        latent.Noise?.Transfer(source.Part(NoisePart));
        if (state is not null)
        {
            state.Scheduler.Transfer(writer.Part(SchedulerPart), latent.Tensor.Length, state.OriginCall, state.NextCall);
            state.Noise.Transfer(writer.Part(NoisePart));
            state.Inpainting?.Write(writer.Part(InpaintingPart));
            writer.Add(AddedChannels, state.AddedChannels);
        }

        return writer;
    }

    private static Latent ReadOwn(ITensorFile file, Func<GenerationInfo, GenerationInfo> reduce, string? path = null)
    {
        StateReader reader = new(file, Format, Version, "latent");
        Tensor tensor = ReadValues(reader, file);
        LatentHead head = reader.Json<LatentHead>(Head);
        if (head.Steps is < 0 or > MostSteps)
            throw reader.Invalid($"has {head.Steps} steps");
        GenerationInfo info = reduce(ReadRecord(reader));
        DenoiseState? state = head.Stopped is null ? null : ReadState(reader, head.Stopped, info, tensor);
        StateReader source = reader.Part(Source);
        Latent latent = new(tensor, info, state?.Step ?? head.Steps, state?.StepCount ?? head.Steps)
        {
            Path = path,
            Maker = head.Maker,
            State = state,
            Noise = source.HasPart(NoisePart) ? ReadGenerator(source.Part(NoisePart), info) : null,
            SourcePixels = HasSize(info, tensor) ? source.FindTensor(Pixels, 1, DiffusionImage.Channels, info.Height!.Value, info.Width!.Value) : null,
            SourceMean = source.FindTensor(Mean, [.. tensor.Shape]),
        };
        reader.CheckAllRead();
        return latent;
    }

    private static Tensor ReadValues(StateReader reader, ITensorFile file)
    {
        if (file.Tensors.TryGetValue(Values, out StoredTensor? stored) && (stored.Count > MostValues || stored.Shape.Any(static side => side > LatentSpace.HighestSide)))
            throw reader.Invalid($"has a latent of the shape {stored.ShapeText}, which is too large");
        return reader.Tensor(Values, 1, -1, -1, -1);
    }

    private static GenerationInfo ReadRecord(StateReader reader)
    {
        GenerationInfo info = reader.FindText(Record) is string text
            ? GenerationRecord.Read(text) ?? throw reader.Invalid("has a record that is damaged")
            : new GenerationInfo();
        SettingTable.Check(info);
        return info.ControlNets?.Contains(null!) == true ? throw reader.Invalid("has a record that is damaged") : info;
    }

    private static GenerationInfo WithoutPaths(GenerationInfo info, Action<string>? warning)
    {
        List<string> warnings = [];
        GenerationInfo reduced = RecordedNames.WithoutImages(RecordedNames.Only(info), warnings);
        warnings.ForEach(text => warning?.Invoke(text));
        return reduced;
    }

    private static DenoiseState ReadState(StateReader reader, StoppedRun stopped, GenerationInfo info, Tensor tensor)
    {
        if (info is not { Seed: long seed } || ScheduleSteps(info) != stopped.Scheduler.Steps || !stopped.Scheduler.IsNamed(info.Scheduler) || !HasSize(info, tensor))
            throw reader.Invalid("has a record that does not agree with its state");

        Scheduler scheduler = stopped.Scheduler.Create();
        if (stopped.OriginCall < 0 || stopped.OriginCall % scheduler.Order != 0 || stopped.NextCall % scheduler.Order != 0
            || stopped.NextCall <= stopped.OriginCall || stopped.NextCall >= scheduler.Timesteps.Count)
            throw reader.Invalid($"does not say where it was stopped within {scheduler.Timesteps.Count} calls");

        scheduler.Transfer(reader.Part(SchedulerPart), tensor.Length, stopped.OriginCall, stopped.NextCall);
        INoiseSource noise = DenoiseState.CreateNoise(scheduler, seed, new LatentNoise(seed, info.ToNoise().Normalize()));
        noise.Transfer(reader.Part(NoisePart));
        Tensor? added = reader.FindTensor(AddedChannels, 1, -1, tensor.Shape[2], tensor.Shape[3]);
        if (added?.Shape[1] > MostChannels)
            throw reader.Invalid($"has {added.Shape[1]} added channels");
        return new DenoiseState(scheduler, noise, stopped.OriginCall, stopped.NextCall, reader.HasPart(InpaintingPart) ? Inpainting.Read(reader.Part(InpaintingPart), tensor, info) : null)
        {
            AddedChannels = added,
        };
    }

    private static int? ScheduleSteps(GenerationInfo info) => info.Steps is int steps
        ? StrengthSteps.OfSchedule(steps, info.Strength, EnumSetting.ParseOrNull<StrengthRule>(nameof(info.StrengthRule), info.StrengthRule))
        : null;

    private static INoiseSource ReadGenerator(StateReader reader, GenerationInfo info)
    {
        INoiseSource generator = LatentNoise.CreateGenerator(info.Seed ?? throw reader.Invalid("has random numbers without a seed"), info.ToNoise().RandomSource);
        generator.Transfer(reader);
        return generator;
    }

    // The same number of pixels for each value on both sides.
    private static bool HasSize(GenerationInfo info, Tensor tensor) => info is { Width: > 0 and <= LatentSpace.HighestSide and int width, Height: > 0 and <= LatentSpace.HighestSide and int height }
        && width % tensor.Shape[3] == 0 && height % tensor.Shape[2] == 0 && width / tensor.Shape[3] == height / tensor.Shape[2];
}
