using SdPowerShell.Commands;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Checkpoints;

namespace SdPowerShell.Batches;

/// <summary>What a run does that is one of several: the part of the rows that it makes, the images that it claims, and how it ends at a signal.</summary>
/// <param name="command">The cmdlet that makes the images.</param>
internal sealed class RunClaims(NewDiffusionImageCommand command) : IDisposable
{
    /// <summary>The exit code of a process that was asked to end and is to be started again: EX_TEMPFAIL of BSD's sysexits.h.</summary>
    private const int ExitCode = 75;

    // With many processes nearly every image is claimed by another one when it is looked at first.
    private const int MostPassedOver = 1000;
    private const long MostBytes = 256L << 20;

    private readonly List<ClaimedImage> _passedOver = [];
    private int _forgotten;
    private bool _isLooking;

    /// <summary>The part of the rows that this run makes; null for all.</summary>
    public Shard? Shard { get; init; }

    /// <summary>Claims the images; null if none is claimed.</summary>
    public ClaimKeeper? Keeper { get; init; }

    /// <summary>The signal to end at; null if none is listened to.</summary>
    public Interruption? Interruption { get; init; }

    /// <summary>Whether half-done latents are kept.</summary>
    public bool KeepsCheckpoints { get; init; }

    /// <summary>Whether those that an earlier run kept are used.</summary>
    public bool FindsCheckpoints { get; init; }

    /// <summary>Whether a row is one of this run.</summary>
    /// <param name="hash">Computes the hash of the row.</param>
    public bool Has(Func<RequestHash> hash) => Shard is not Shard shard || shard.Contains(hash());

    /// <summary>The checkpoint of an image.</summary>
    /// <param name="file">The full path of its file; null for none.</param>
    public DenoiseCheckpoint? CheckpointOf(string? file) => file is null || !FindsCheckpoints ? null : new CheckpointFile(file, KeepsCheckpoints, Interruption, command.Warn, command.WriteVerbose);

    /// <summary>Takes an image, or remembers it where another process has it.</summary>
    /// <param name="image">The image, which was not finished.</param>
    /// <param name="claim">The claim; null if the image was finished meanwhile.</param>
    /// <returns>False if another process has it, or an error was written.</returns>
    public bool TryTake(ClaimedImage image, out Claim? claim)
    {
        if (!TryTake(image.File, out claim))
        {
            PassOver(image);
            return false;
        }

        bool? found = false;
        try
        {
            found = image.Check();
        }
        finally
        {
            if (found is not null)
            {
                claim!.Dispose();
                claim = null;
            }
        }

        return found != false;
    }

    /// <summary>Makes an image, and gives its claim back. If another process has taken it over, the image is remembered.</summary>
    /// <param name="image">The image; null if images are not claimed.</param>
    /// <param name="claim">Its claim; null then.</param>
    /// <param name="make">Makes it.</param>
    public void Run(ClaimedImage? image, Claim? claim, Action make)
    {
        using (claim)
        {
            try
            {
                make();
            }
            catch (ClaimLostException error)
            {
                Lose(image, error);
            }
        }
    }

    /// <summary>Remembers an image that another process has taken over.</summary>
    /// <param name="image">The image; null if it is remembered.</param>
    /// <param name="error">Why.</param>
    public void Lose(ClaimedImage? image, ClaimLostException error)
    {
        command.WriteVerbose(error.Message);
        if (image is not null)
            PassOver(image);
    }

    /// <summary>Remembers an image that another process has, to look at it again at the end.</summary>
    /// <param name="image">The image.</param>
    public void PassOver(ClaimedImage image)
    {
        if (!_isLooking && (_passedOver.Count >= MostPassedOver || _passedOver.Sum(static other => other.Bytes) + image.Bytes > MostBytes))
        {
            LookAgain();
            if (_passedOver.Count >= MostPassedOver)
            {
                _forgotten++;
                return;
            }
        }

        _passedOver.Add(image);
    }

    /// <summary>Looks again at the images that were passed over: makes those whose process has ended, and forgets those that are finished.</summary>
    public void LookAgain()
    {
        (InputRecord? input, string? subject, string device, string? model, string? used) = (command.Input, command.Subject, command.Device, command.Model, command.ModelInUse);
        _isLooking = true;
        foreach (ClaimedImage image in _passedOver.ToArray())
        {
            if (command.CancellationToken.IsCancellationRequested)
                return;
            (command.Input, command.Subject, command.Device, command.Model, command.ModelInUse) = (image.Input, image.Subject, image.Device, image.Model, image.Model);
            bool isLeft = false;
            command.ProcessOne(image.Input?.Value, () => isLeft = !TryEnd(image));
            if (!isLeft)
                _passedOver.Remove(image);
        }

        _isLooking = false;
        (command.Input, command.Subject, command.Device, command.Model, command.ModelInUse) = (input, subject, device, model, used);
    }

    /// <summary>Looks again at what was passed over, and says how much is left to others.</summary>
    public void End()
    {
        LookAgain();
        if (_passedOver.Count + _forgotten is > 0 and int left)
        {
            command.WriteWarning(left == 1
                ? "1 image is left to another process, which is making it. If that process stops before the image is finished, run the command again."
                : $"{left} images are left to other processes, which are making them. If one of these processes stops before its image is finished, run the command again.");
        }
    }

    /// <summary>Removes what an ended process left beside an image that is finished.</summary>
    /// <param name="file">The full path of the image's file.</param>
    public void Sweep(string file)
    {
        Keeper?.Sweep(file);
        if (FindsCheckpoints)
            CheckpointFile.Delete(file);
    }

    /// <summary>Writes the file of an image, unless another process has taken it over.</summary>
    /// <param name="file">The full path of the file.</param>
    /// <param name="claim">Its claim; null for none.</param>
    /// <param name="write">Writes it.</param>
    public void Write(string file, Claim? claim, Action write)
    {
        if (claim?.Renew() == false)
            throw Lost(claim);
        try
        {
            write();
        }
        catch (OutputExistsException) when (claim is not null)
        {
            throw Lost(claim);
        }

        if (FindsCheckpoints)
            CheckpointFile.Delete(file);
    }

    /// <summary>Ends the work after a step if a signal came, or the image was taken over.</summary>
    /// <param name="step">The step.</param>
    /// <param name="claim">The claim of the image; null for none.</param>
    public void AfterStep(StepProgress step, Claim? claim)
    {
        if (claim?.IsLost == true)
            throw Lost(claim);
        if (step.Step < step.StepCount)
            Interruption?.Check();
    }

    /// <summary>Gives all claims back, and lets the process end with the exit code for another start.</summary>
    public void EndProcess()
    {
        Keeper?.Dispose();
        command.Host.SetShouldExit(ExitCode);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Keeper?.Dispose();
        Interruption?.Dispose();
    }

    private static ClaimLostException Lost(Claim claim) => new($"'{claim.File}' was taken over by another process, since this one was suspended for longer than the timeout of its claim.");

    private bool TryTake(string file, out Claim? claim)
    {
        claim = Keeper!.TryTake(file, out ClaimOwner? owner, command.CancellationToken);
        if (claim is null)
            command.WriteVerbose($"'{file}' is being made by {(owner is null ? "another process" : $"{owner}")}, and is passed over for now.");
        else if (owner is not null)
            command.WriteVerbose($"'{file}' is taken over from {owner}, which has ended.");
        return claim is not null;
    }

    /// <summary>Ends the work on an image that was passed over.</summary>
    /// <returns>False if another process is still at work on it.</returns>
    private bool TryEnd(ClaimedImage image)
    {
        Interruption?.Check();
        if (image.Check() is not null)
            return true;
        if (!TryTake(image.File, out Claim? claim))
            return false;
        using (claim)
        {
            // It can have been finished between the two.
            if (image.Check() is null)
                image.Make(claim!);
        }

        return true;
    }
}
