using System.Globalization;
using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>Refuses a number with a fraction for a parameter of whole numbers, which PowerShell would round.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class WholeNumberAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override bool TransformNullOptionalParameters => false;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = Cell.Unwrap(inputData);
        bool isFraction = value switch
        {
            double or float or decimal => HasFraction(Convert.ToDouble(value, CultureInfo.InvariantCulture)),
            string text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && HasFraction(number),
            _ => false,
        };
        return isFraction
            ? throw ArgumentFault.Of($"It is {Convert.ToString(value, CultureInfo.InvariantCulture)}, but must be a whole number, such as 4.")
            : inputData;
    }

    // Those that are no number are PowerShell's to refuse.
    private static bool HasFraction(double number) => double.IsFinite(number) && number != Math.Floor(number);
}
