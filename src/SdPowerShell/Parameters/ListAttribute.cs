using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>Reads the items of one cell, in the form that <see cref="Cell"/> describes: <c>style:0.8; detail:0.5</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ListAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        Cell.Unwrap(inputData) is string text ? Cell.Items(text).ToArray() : inputData;
}
