using SdPowerShell.Commands;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Images;

namespace SdPowerShell.Batches;

/// <summary>The images of a prompt, each of which is made, waits to be made with others, or was made by an earlier run.</summary>
/// <param name="command">The cmdlet that makes them.</param>
/// <param name="request">Their request.</param>
internal sealed class PromptImages(NewDiffusionImageCommand command, PromptRequest request)
{
    // With tiles, a given image has no stages that others wait for. A refiner takes models in turn, so that others do not wait for it.
    private readonly bool _isStaged = request.Options.Refiner is null && !(request.Start is not null && request.Options.Hires is not null)
        && (command.StageMajor || command.MostAtOnce > 1 || command.MostAhead > 1);

    private readonly Lazy<ResumeCheck> _check = new(() => new ResumeCheck
    {
        Job = request.Job,
        Adapters = request.Adapters,
        Advice = command.OutFiles.NameAdvice,
        Start = request.Start?.Given,
        Mask = request.Mask,
        ControlImages = [.. request.Options.Controls.Select(static control => control.Image)],
        RefinerHash = command.Networks.IdentifyRefiner(request.Options),
        UpscalerHash = command.Networks.IdentifyUpscaler(request.Options),
    });

    /// <summary>Makes the images.</summary>
    public void Make()
    {
        if (!_isStaged)
            command.Staged.Make();
        for (int index = 0; index < request.Job.Count; index++)
        {
            if (!Make(index))
                break;
        }
    }

    /// <returns>False if the image failed in a way in which the others would fail too.</returns>
    private bool Make(int index)
    {
        OutputTarget? target = NameOf(index);
        DiffusionImage? unchanged = null;
        bool? Find() => command.OutFiles.Look(target, request.Output, path => command.Inspect(pipeline => _check.Value.Find(path, index, pipeline, command.CancellationToken)), out unchanged);
        if (Find() == false)
            return true;
        if (command.Planned is not null && target is not null && !command.OutFiles.CheckPlanned(command.Planned, target, () => request.HashOf(command, index), unchanged))
            return true;
        if (unchanged is not null)
        {
            PassOn(index, unchanged);
            return true;
        }

        long seed = request.Job.OptionsOf(index).Seed!.Value;
        if (!command.IsWanted(target, $"'{InputRecord.Shorten(request.Prompt, NewDiffusionImageCommand.LongestShown)}' (seed {seed}, {request.Size.Width}x{request.Size.Height})", pipeline => request.Job.Estimate(pipeline, index), request.Adapters, madeBy: null))
            return true;

        target?.CreateFolder();
        ClaimedImage? again = command.Later(target, request.Bytes, Find, claim => command.MakeNow(Stage(index, unchanged: null, claim)));
        Claim? claim = null;
        if (again is not null && !command.Claims.TryTake(again, out claim))
            return true;
        if (unchanged is not null)
        {
            PassOn(index, unchanged);
            return true;
        }

        StagedImage image = Stage(index, unchanged: null, claim, again);
        if (!_isStaged)
        {
            command.MakeNow(image);
            return true;
        }

        command.Staged.Add(image);
        if (command.MostAhead > 1)
            command.Staged.MakeReady();
        return !command.Staged.HasFailed(request);
    }

    private void PassOn(int index, DiffusionImage unchanged)
    {
        if (!command.Staged.IsEmpty && command.MostAhead == 1)
            command.Staged.Add(Stage(index, unchanged));
        else
            command.PassOn(unchanged);
    }

    /// <remarks>A name that is generated can be another one when it is asked for again, since an image that waited may have taken it.</remarks>
    private OutputTarget? NameOf(int index) => request.Names.Next(request.Prompt, request.Job.OptionsOf(index).Seed, index, request.Job.Count, command.ResolveOutput);

    private StagedImage Stage(int index, DiffusionImage? unchanged, Claim? claim = null, ClaimedImage? again = null) => new()
    {
        Input = command.Input,
        Subject = command.Subject,
        Model = command.ChooseModel(madeBy: null),
        Device = command.Device,
        NoMetadata = command.NoMetadata,
        Request = request,
        Index = index,
        Target = NameOf(index),
        Unchanged = unchanged,
        Claim = claim,
        Again = again,
    };
}
