using SdPowerShell.Commands;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace SdPowerShell.Batches;

/// <summary>An image of the pipeline whose record has stages: they are repeated, unless it is a request that is made with other settings.</summary>
internal sealed class RepeatedImage
{
    private readonly NewDiffusionImageCommand _command;
    private readonly GeneratedObject _made;
    private readonly StageList _stages;

    // Its record may be someone else's, whose paths are not opened.
    private readonly bool _isForeign;

    private RepeatedImage(NewDiffusionImageCommand command, GeneratedObject made, StageList stages)
    {
        (_command, _made, _stages) = (command, made, stages);
        _isForeign = command.Input!.IsMetadata || command.NamesOnly;
        Request = OneImage.Match(stages) is { HasText: true } request ? request : null;
    }

    /// <summary>The request that made it; null if its stages are those of none.</summary>
    public OneImage? Request { get; }

    /// <summary>Whether it is made by its settings, and not by its stages: they say all that the request needs, and something of it may be changed.</summary>
    public bool IsRequest => Request is not null ? !FindMissing(Request).Any() && !IsEarlierStart(Request) : IsChangedRequest();

    private bool HasPasses => _made.Info is { Hires: not null } or { Detail: not null } or { Refiner: not null };

    /// <summary>Finds the image that the pipeline gives to a cmdlet, and warns of what its record leaves out.</summary>
    /// <param name="command">The cmdlet.</param>
    /// <returns>The image; null if there is none that has stages.</returns>
    public static RepeatedImage? Find(NewDiffusionImageCommand command)
    {
        if (command.FindMade() is not GeneratedObject { Recorded.Stages: { Count: > 0 } all } made)
            return null;
        StageList stages = all.BeforeEdit();

        // Get-DiffusionMetadata has said so of a file.
        if (!ReferenceEquals(all, stages) && (made as ImageMetadata)?.Warnings.Contains(StageList.EditWarning) != true)
            command.Warn(StageList.EditWarning);
        return new RepeatedImage(command, made, stages);
    }

    /// <summary>Repeats the stages.</summary>
    public void Make()
    {
        _command.Subject = _command.Input!.Describe(_made.Prompt, _command.OutFile);
        _command.Claims.Interruption?.Check();
        if (!_command.Claims.Has(() => new RowIdentity(_command, _command.InitImage).HashOfNames(_made.Info)))
            return;
        RefuseChange();
        ReplayImages images = ReadImages();
        ImageOutput output = _command.OutFiles.Output();
        OutputTarget? target = _command.OutFiles.Names(source: null, (template, index) => new RowIdentity(_command, _command.InitImage).Name(template, _made.Info, _made.Info, index, count: 1))
            .Next(_made.Prompt ?? "image", _made.Seed, index: 0, count: 1, _command.ResolveOutput);
        DiffusionImage? unchanged = null;
        bool? Find() => _command.OutFiles.Look(target, output, path => ResumeCheck.Find(path, _made.Info with { Stages = _stages }, _command.CancellationToken), out unchanged);
        if (Find() == false)
            return;
        if (unchanged is not null)
        {
            _command.PassOn(unchanged);
            return;
        }

        ImageStages observer = new(_command, new DenoiseOptions { Prompt = _made.Prompt, PromptSyntax = _made.PromptSyntax }, _command.Progress);
        StageReplay replay = CreateReplay(images, observer);
        foreach (string warning in replay.Check(_stages, _command.CancellationToken))
            _command.Warn(warning);
        if (!_command.IsWanted(target, $"'{InputRecord.Shorten(_made.Prompt ?? _stages.ToString(), NewDiffusionImageCommand.LongestShown)}'", pipeline => pipeline.Estimate(_made.Info), adapters: null, _made.Model))
            return;

        target?.CreateFolder();
        ClaimedImage? again = null;
        again = _command.Later(target, images.Bytes, Find, Run);
        Claim? claim = null;
        if (again is not null && !_command.Claims.TryTake(again, out claim))
            return;
        if (unchanged is null)
            Run(claim);
        else
            _command.PassOn(unchanged);

        void Run(Claim? claim) => _command.Claims.Run(again, claim, () =>
        {
            observer.Claim = claim;
            _command.Progress.Start();
            long begun = Stopwatch.GetTimestamp();
            DiffusionImage image = replay.Run(_stages, _command.CancellationToken);

            // The settings of all passes are said once; the last stage has those of the last one.
            // Neither has an image that begins with a file the settings of that file.
            if (HasPasses || (image.Prompt is null && _made.Prompt is not null))
                image = new DiffusionImage(image.Width, image.Height, image.Pixels, _made.Info with { Stages = image.Info.Stages });
            _command.Progress.Finish();
            _command.Finish(image, target, output, Stopwatch.GetElapsedTime(begun), claim);
        });
    }

    private StageReplay CreateReplay(ReplayImages images, ImageStages observer) => new(
        ModelLibrary.Default,
        (model, adapters, run) => _command.UseModel(_command.ChooseModel(model, _command.NamesOnly || (_isForeign && !_command.IsGiven(nameof(_command.Model)))), run, adapters),
        images)
    {
        Model = _command.IsGiven(nameof(_command.Model)) ? _command.Model : null,
        Device = _command.DeviceName,
        Upscale = (image, size, progress, token) => _command.Networks.Upscale(image, size.Upscaler, size, progress, token),
        Observer = observer,
    };

    private ReplayImages ReadImages()
    {
        ReplayImages images = new() { OpensPaths = !_isForeign };
        if (_command.InitImage is not null)
            images.Add(ReadStart(_command.InitImage));
        foreach (ImageInput control in (_command.ControlImage ?? []).OfType<ImageInput>())
            images.Add(Read(nameof(_command.ControlImage), control, BackgroundColor.White));
        if (_command.MaskImage is not null)
            images.Add(Read(nameof(_command.MaskImage), _command.MaskImage, BackgroundColor.White), _command.ReadMask());
        return images;
    }

    private DiffusionImage ReadStart(ImageInput image) =>
        Read(nameof(_command.InitImage), image, BackgroundColor.Parse(string.IsNullOrWhiteSpace(_command.Background) ? null : _command.Background));

    private DiffusionImage Read(string parameter, ImageInput image, BackgroundColor background) =>
        image.Read(parameter, path => ImageFile.Load(_command.ResolveFile(path), background, _command.CancellationToken), static given => given);

    private void RefuseChange()
    {
        if (_command.FindChange(_made) is not string setting)
            return;
        throw Request is null
            ? new InvalidSettingException(setting, $"The image was made in several stages ({_stages}), which are repeated as they were. Omit {setting}. To change it, let ConvertTo-DiffusionScript write the commands that make the image, and edit them.")
            : new NotRepeatableException($"To change {setting}, also give what the image was made from: {string.Join(", ", FindMissing(Request))}.");
    }

    /// <summary>Whether it has several passes, which one request made, and is to be made with another setting: its settings say all that the request needs.</summary>
    private bool IsChangedRequest() => HasPasses
        && (_made.Info.Strength is null || _command.InitImage is not null)
        && (_made.Info.InpaintMode is null || _command.MaskImage is not null)
        && (_made.Info.ControlNets is not { Count: > 0 } || _command.ControlImage is not null)
        && _command.FindChange(_made) is not null;

    /// <summary>The images that recorded stages began with and that are not given, each with its parameter. A mask that is not given again must not be left out in silence.</summary>
    private IEnumerable<string> FindMissing(OneImage recorded)
    {
        if (recorded.Start.Count > 0 && _command.InitImage is null)
            yield return Named(nameof(_command.InitImage), recorded.Start);
        if (recorded.Mask is StageList mask && _command.MaskImage is null)
            yield return Named(nameof(_command.MaskImage), mask);
        if (_command.ControlImage is not { Length: > 0 } && !_command.IsGiven(nameof(_command.ControlNet)))
        {
            foreach (StageList control in recorded.Denoising.Inputs.GetValueOrDefault(nameof(_command.ControlImage), []))
                yield return Named(nameof(_command.ControlImage), control);
        }

        static string Named(string parameter, StageList image) => image.File is string file ? $"-{parameter} '{file}'" : $"-{parameter}";
    }

    /// <summary>Whether the given image is not the one that the last denoising started from, but one from which that was made, so that all stages are repeated.</summary>
    private bool IsEarlierStart(OneImage recorded)
    {
        if (_command.InitImage is null || recorded.Start is not { Count: > 1, Output: string last })
            return false;

        try
        {
            string given = StageList.Hash<byte>(ReadStart(_command.InitImage).Pixels);
            return given != last && recorded.Start.WithInputs().Any(stage => stage.Operation == StageOperation.ReadImage && stage.Output == given);
        }
        catch (DiffusionException)
        {
            // The request says what is wrong with the file.
            return false;
        }
    }
}
