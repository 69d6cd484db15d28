namespace MedSegDsl.Runtime.Training.Checkpoints;

/// <summary>Finds the checkpoint that an interrupted training goes on from.</summary>
public static class LastCheckpoint
{
    /// <summary>Opens the first whole checkpoint in nnU-Net's order of preference; the caller disposes it.</summary>
    /// <param name="folder">The training's folder.</param>
    /// <param name="note">Told which checkpoints are damaged.</param>
    /// <returns>The checkpoint and its file; null where there is none at all.</returns>
    /// <exception cref="OtherVersionException">
    /// One is of another version; going on from the one before it would overwrite what was trained since.
    /// </exception>
    /// <exception cref="UserException">There are checkpoints, but none can be read.</exception>
    public static (Checkpoint Checkpoint, string File)? Open(FoldFolder folder, Action<string> note)
    {
        string[] files = [.. folder.Resumables];
        foreach (var file in files)
        {
            try
            {
                return (Checkpoint.Read(file), file);
            }
            catch (UserException cause) when (cause is not OtherVersionException)
            {
                note($"damaged: {cause.Message}; trying the checkpoint before it");
            }
        }

        return files.Length == 0
            ? null
            : throw new UserException(
                $"{folder.Path}: none of the checkpoints {string.Join(", ", files.Select(Path.GetFileName))} can be read: "
                + "restore one from a copy, or train anew without --continue");
    }
}
