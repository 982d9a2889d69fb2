using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using StableDiffusion;

namespace SdPowerShell.Assertions;

/// <summary>
/// An operator of Pester's Should. It is run as a cmdlet, although none by that name is exported, since PowerShell tells only cmdlets
/// that the pipeline is stopped. What cannot be tested does not succeed, with <c>-Not</c> either.
/// </summary>
public abstract class ShouldOperator : DiffusionCmdlet
{
    /// <summary>What is tested.</summary>
    [Parameter]
    public object? ActualValue { get; set; }

    /// <summary>Whether the test must fail.</summary>
    [Parameter]
    public SwitchParameter Negate { get; set; }

    /// <summary>The reason of the test, for the message.</summary>
    [Parameter]
    public string? Because { get; set; }

    /// <inheritdoc/>
    protected sealed override void EndProcessing()
    {
        AssertionResult result;
        try
        {
            result = Test();
        }
        catch (OperationCanceledException) when (CancellationToken.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception error) when (error is DiffusionException or RecordException)
        {
            result = new AssertionResult(Succeeded: false, error.Message);
        }

        WriteObject(result);
    }

    /// <summary>Tests the value.</summary>
    private protected abstract AssertionResult Test();

    /// <summary>The image that a parameter stands for.</summary>
    /// <param name="parameter">The parameter's name.</param>
    /// <param name="given">What it was given: a path, a file, or an image.</param>
    private protected static ImageInput InputOf(string parameter, object? given) => new ImageAttribute().Transform(null!, given!) as ImageInput
        ?? throw new InvalidSettingException(parameter, $"{parameter} is missing. Give an image, or the path of a file.");

    /// <summary>The reason of a test as a part of a sentence.</summary>
    internal static string Reason(string? because)
    {
        const string Word = "because ";
        string? reason = because?.Trim();
        return string.IsNullOrEmpty(reason) ? string.Empty : $", {(reason.StartsWith(Word, StringComparison.OrdinalIgnoreCase) ? string.Empty : Word)}{reason}";
    }
}
