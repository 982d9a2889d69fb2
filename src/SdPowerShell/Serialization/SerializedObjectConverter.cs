using System.Management.Automation;
using SdPowerShell.Errors;

namespace SdPowerShell.Serialization;

/// <summary>Turns objects back into what they were, when PowerShell reads what it had serialized.</summary>
public sealed class SerializedObjectConverter : PSTypeConverter
{
    /// <inheritdoc/>
    public override bool CanConvertFrom(object sourceValue, Type destinationType) => sourceValue is PSObject;

    /// <inheritdoc/>
    /// <exception cref="PSInvalidCastException">The object cannot be turned back. PowerShell then leaves the copy as it is, which the cmdlets reject.</exception>
    public override object ConvertFrom(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase)
    {
        try
        {
            return SerializedObject.Restore((PSObject)sourceValue);
        }
        catch (RecordException error)
        {
            throw new PSInvalidCastException(error.Message, error);
        }
    }

    /// <inheritdoc/>
    public override bool CanConvertTo(object sourceValue, Type destinationType) => false;

    /// <inheritdoc/>
    public override object ConvertTo(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase) => throw new NotSupportedException();
}
